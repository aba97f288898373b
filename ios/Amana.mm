// What only Objective-C++ can say of the module; no logic. The class is Swift's (AmanaModule.swift),
// and here the compiler compares its methods with the contract that codegen wrote.
#import <RNAmanaSpec/RNAmanaSpec.h>
#import <React/RCTInvalidating.h>
#import <ReactCommon/RCTTurboModule.h>

#if __has_include(<Amana/Amana-Swift.h>)
#import <Amana/Amana-Swift.h>
#else
#import "Amana-Swift.h"
#endif

@interface Amana (Module) <NativeAmanaSpec, RCTInvalidating>
@end

@implementation Amana (Module)

+ (NSString *)moduleName
{
  return @"Amana";
}

- (std::shared_ptr<facebook::react::TurboModule>)getTurboModule:
    (const facebook::react::ObjCTurboModule::InitParams &)params
{
  return std::make_shared<facebook::react::NativeAmanaSpecJSI>(params);
}

- (void)setEventEmitterCallback:(EventEmitterCallbackWrapper *)wrapper
{
  [self setEmit:^(NSString *name, NSDictionary<NSString *, id> *value) {
    wrapper->_eventEmitterCallback(name.UTF8String, value);
  }];
}

@end
