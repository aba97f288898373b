// swift-tools-version:6.0
// Compiles the generated Swift bindings and tests them on the host against the host's library.
// Run by scripts/test; by hand, after scripts/generate-bindings swift: swift test --package-path
// bindings/swift, or scripts/swift-run bindings/swift where Swift is not installed.
// Apps do not use this: they get the bindings with the iOS library.
import PackageDescription

// Where cargo put libamana_ffi; scripts/test gives it.
let libraries =
    Context.environment["AMANA_LIB_DIR"] ?? "\(Context.packageDirectory)/../../target/debug"

let package = Package(
    name: "AmanaCore",
    platforms: [.iOS(.v15), .macOS(.v12)],
    products: [.library(name: "AmanaCore", targets: ["AmanaCore"])],
    targets: [
        .systemLibrary(name: "AmanaCoreFFI"),
        .target(
            name: "AmanaCore",
            dependencies: ["AmanaCoreFFI"],
            linkerSettings: [
                .unsafeFlags(["-L\(libraries)", "-Xlinker", "-rpath", "-Xlinker", libraries]),
                .linkedLibrary("amana_ffi"),
            ]
        ),
        // A process that a test kills.
        .executableTarget(name: "Doomed", dependencies: ["AmanaCore"], path: "Tests/Doomed"),
        .testTarget(name: "AmanaCoreTests", dependencies: ["AmanaCore", "Doomed"]),
    ],
    // Swift 6.0's compiler crashes on the generated code in mode 6.
    swiftLanguageModes: [.v5]
)
