require "json"

package = JSON.parse(File.read(File.join(__dir__, "package.json")))

Pod::Spec.new do |s|
  s.name         = "Amana"
  s.version      = package["version"]
  s.summary      = package["description"]
  s.homepage     = package["homepage"]
  s.license      = package["license"]
  s.authors      = package["author"]
  s.platforms    = { :ios => "15.1" }
  # An app has it from node_modules, by autolinking: CocoaPods fetches nothing.
  s.source       = { :path => "." }

  s.source_files = "ios/*.{h,mm,swift}", "ios/bridge/*.swift", "ios/generated/*.swift"
  s.resource_bundles = { "AmanaPrivacy" => ["ios/PrivacyInfo.xcprivacy"] }
  # A dynamic framework with an export list: its SQLite stays its own, whatever else the app links.
  s.vendored_frameworks = "ios/AmanaCoreFFI.xcframework"
  s.swift_versions = ["5.9"]
  # The generated bindings are Swift 5 code. The names of enumerations' cases are what JavaScript is told.
  s.pod_target_xcconfig = {
    "SWIFT_VERSION" => "5.0",
    "DEFINES_MODULE" => "YES",
    "SWIFT_REFLECTION_METADATA_LEVEL" => "all",
  }

  # Built by scripts/build-ios; without it an app would fail to link with a less clear message.
  unless File.directory?(File.join(__dir__, "ios/AmanaCoreFFI.xcframework"))
    Pod::UI.warn "Amana: ios/AmanaCoreFFI.xcframework is missing; run scripts/build-ios" if defined?(Pod::UI)
  end

  install_modules_dependencies(s)
end
