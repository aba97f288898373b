#pragma once
// A stand-in for Apple's Foundation, written for scripts/check-ios: as much of it as React Native's headers
// and a module of it need to be type-checked on Linux. Nothing is implemented, nothing of it ships.
#include <objc/objc.h>
#include <objc/NSObject.h>
#include <dispatch/dispatch.h>
#include <stdint.h>
#include <stddef.h>
#include <stdarg.h>
#include <stdbool.h>
#include <math.h>
#include <float.h>
#include <string.h>
#include <TargetConditionals.h>
#ifndef NS_ASSUME_NONNULL_BEGIN
#define NS_ASSUME_NONNULL_BEGIN _Pragma("clang assume_nonnull begin")
#define NS_ASSUME_NONNULL_END _Pragma("clang assume_nonnull end")
#endif
#ifdef __cplusplus
#define FOUNDATION_EXPORT extern "C"
#define FOUNDATION_EXTERN extern "C"
#else
#define FOUNDATION_EXPORT extern
#define FOUNDATION_EXTERN extern
#endif
#define NS_INLINE static inline
#define NS_NOESCAPE __attribute__((noescape))
#define NS_SWIFT_NAME(...)
#define NS_SWIFT_UNAVAILABLE(x)
#define NS_SWIFT_SENDABLE
#define NS_REFINED_FOR_SWIFT
#ifndef NS_DESIGNATED_INITIALIZER
#define NS_DESIGNATED_INITIALIZER __attribute__((objc_designated_initializer))
#endif
#ifndef NS_UNAVAILABLE
#define NS_UNAVAILABLE __attribute__((unavailable))
#endif
#define NS_REQUIRES_SUPER __attribute__((objc_requires_super))
#define NS_REQUIRES_NIL_TERMINATION __attribute__((sentinel(0,1)))
#define NS_FORMAT_FUNCTION(a,b) __attribute__((format(__NSString__, a, b)))
#define NS_FORMAT_ARGUMENT(a)
#undef NS_ENUM
#undef NS_OPTIONS
#undef NS_CLOSED_ENUM
#define NS__PICK(_1,_2,N,...) N
#define NS__ENUM1(_t) enum : _t
#define NS__ENUM2(_t,_n) enum _n : _t _n; enum _n : _t
#define NS_ENUM(...) NS__PICK(__VA_ARGS__, NS__ENUM2, NS__ENUM1)(__VA_ARGS__)
#define NS_CLOSED_ENUM NS_ENUM
#define NS_OPTIONS(_t,_n) _t _n; enum : _t
#define NS_ERROR_ENUM(d,n) NSInteger n; enum : NSInteger
#define NS_TYPED_EXTENSIBLE_ENUM
#define NS_STRING_ENUM
#define API_AVAILABLE_(...)
#define NS_AVAILABLE_IOS(...)
#define NS_ROOT_CLASS __attribute__((objc_root_class))
#ifndef _NSINTEGER_STUB
#define _NSINTEGER_STUB
typedef long NSInteger; typedef unsigned long NSUInteger;
#endif
#define NSIntegerMax LONG_MAX
#define NSNotFound NSIntegerMax
typedef double NSTimeInterval; typedef unsigned short unichar;
typedef double CGFloat;
typedef struct { NSUInteger location, length; } NSRange;
typedef struct CGPoint { CGFloat x, y; } CGPoint;
typedef struct CGSize { CGFloat width, height; } CGSize;
typedef struct CGRect { CGPoint origin; CGSize size; } CGRect;
typedef struct CGVector { CGFloat dx, dy; } CGVector;
typedef struct CGAffineTransform { CGFloat a,b,c,d,tx,ty; } CGAffineTransform;
typedef NSInteger NSComparisonResult;
@class NSString, NSArray, NSDictionary, NSNumber, NSError, NSURL, NSData, NSDate, NSSet, NSInvocation, NSMethodSignature, NSBundle, NSURLRequest, NSURLResponse, NSThread, NSRunLoop, NSTimer, NSHashTable, NSMapTable, NSValue, NSTimeZone, NSOrderedSet, NSLocale, NSNotification, NSEnumerator;
struct _NSZone;
@protocol NSCopying - (id)copyWithZone:(struct _NSZone *)zone; @end
@protocol NSMutableCopying - (id)mutableCopyWithZone:(struct _NSZone *)zone; @end
@protocol NSCoding @end
@protocol NSSecureCoding <NSCoding> @end
typedef struct { unsigned long state; id __unsafe_unretained *itemsPtr; unsigned long *mutationsPtr; unsigned long extra[5]; } NSFastEnumerationState;
@protocol NSFastEnumeration
- (NSUInteger)countByEnumeratingWithState:(NSFastEnumerationState *)state objects:(id __unsafe_unretained [])buffer count:(NSUInteger)len;
@end
@interface NSObject (StubExtras)
+ (instancetype)new; + (instancetype)alloc; - (id)copy; - (id)mutableCopy;
+ (Class)class; + (BOOL)instancesRespondToSelector:(SEL)s; - (NSMethodSignature *)methodSignatureForSelector:(SEL)s;
- (void)setValue:(id)v forKey:(NSString *)k; - (id)valueForKey:(NSString *)k;
@end
@interface NSValue : NSObject <NSCopying> @end
@interface NSNumber : NSValue
+ (NSNumber *)numberWithInt:(int)v; + (NSNumber *)numberWithUnsignedInt:(unsigned)v; + (NSNumber *)numberWithLong:(long)v; + (NSNumber *)numberWithUnsignedLong:(unsigned long)v; + (NSNumber *)numberWithLongLong:(long long)v; + (NSNumber *)numberWithUnsignedLongLong:(unsigned long long)v; + (NSNumber *)numberWithDouble:(double)v; + (NSNumber *)numberWithFloat:(float)v; + (NSNumber *)numberWithBool:(BOOL)v; + (NSNumber *)numberWithChar:(char)v; + (NSNumber *)numberWithInteger:(NSInteger)v; + (NSNumber *)numberWithUnsignedInteger:(NSUInteger)v;
@property (readonly) double doubleValue; @property (readonly) float floatValue; @property (readonly) BOOL boolValue; @property (readonly) int intValue; @property (readonly) NSInteger integerValue; @property (readonly) NSUInteger unsignedIntegerValue; @property (readonly) long long longLongValue; @property (readonly) unsigned long long unsignedLongLongValue;
@end
@interface NSString : NSObject <NSCopying, NSMutableCopying>
@property (readonly) NSUInteger length; @property (readonly) const char *UTF8String;
+ (instancetype)stringWithUTF8String:(const char *)s; - (instancetype)initWithUTF8String:(const char *)s;
+ (instancetype)stringWithFormat:(NSString *)f, ... NS_FORMAT_FUNCTION(1,2); + (instancetype)string;
- (BOOL)isEqualToString:(NSString *)s; - (unichar)characterAtIndex:(NSUInteger)i; - (double)doubleValue; - (NSString *)stringByAppendingString:(NSString *)s;
@end
@interface NSMutableString : NSString @end
@interface NSData : NSObject <NSCopying>
@property (readonly) NSUInteger length; @property (readonly) const void *bytes; + (instancetype)dataWithBytes:(const void *)b length:(NSUInteger)n;
@end
@interface NSMutableData : NSData @end
@interface NSDate : NSObject <NSCopying> @end
@interface NSTimeZone : NSObject @end
@interface NSEnumerator<__covariant T> : NSObject @end
@interface NSArray<__covariant T> : NSObject <NSCopying, NSMutableCopying, NSFastEnumeration>
@property (readonly) NSUInteger count; - (T)objectAtIndexedSubscript:(NSUInteger)i; - (T)objectAtIndex:(NSUInteger)i; + (instancetype)array; + (instancetype)arrayWithObjects:(const T [])o count:(NSUInteger)n;
@end
@interface NSMutableArray<T> : NSArray<T> + (instancetype)arrayWithCapacity:(NSUInteger)n; - (instancetype)initWithCapacity:(NSUInteger)n; - (void)addObject:(T)o; - (void)setObject:(T)o atIndexedSubscript:(NSUInteger)i; @end
@interface NSSet<__covariant T> : NSObject <NSCopying, NSFastEnumeration> @end
@interface NSMutableSet<T> : NSSet<T> @end
@interface NSDictionary<__covariant K, __covariant V> : NSObject <NSCopying, NSMutableCopying, NSFastEnumeration>
@property (readonly) NSUInteger count; - (V)objectForKeyedSubscript:(K)k; - (V)objectForKey:(K)k; + (instancetype)dictionary; + (instancetype)dictionaryWithObjects:(const V [])o forKeys:(const id<NSCopying> [])k count:(NSUInteger)n; @property (readonly) NSArray<K> *allKeys;
@end
@interface NSMutableDictionary<K, V> : NSDictionary<K, V> - (void)setObject:(V)o forKeyedSubscript:(K)k; + (instancetype)dictionaryWithCapacity:(NSUInteger)n; - (instancetype)initWithCapacity:(NSUInteger)n; @end
@interface NSMapTable<K, V> : NSObject @end
@interface NSHashTable<T> : NSObject @end
@interface NSPointerArray : NSObject @end
@interface NSNull : NSObject + (NSNull *)null; @end
@interface NSError : NSObject
@property (readonly) NSInteger code; @property (readonly, copy) NSString *domain; @property (readonly, copy) NSString *localizedDescription; @property (readonly, copy) NSDictionary *userInfo;
+ (instancetype)errorWithDomain:(NSString *)d code:(NSInteger)c userInfo:(NSDictionary *)u;
@end
@interface NSException : NSObject @property (readonly, copy) NSString *reason; @property (readonly, copy) NSString *name; @end
@interface NSURL : NSObject <NSCopying> @property (readonly, copy) NSString *path; @end
@interface NSURLRequest : NSObject @end
@interface NSMutableURLRequest : NSURLRequest @end
@interface NSURLResponse : NSObject @end
@interface NSHTTPURLResponse : NSURLResponse @end
@interface NSMethodSignature : NSObject @end
@interface NSInvocation : NSObject @end
@interface NSBundle : NSObject @end
@interface NSThread : NSObject @end
@interface NSLocale : NSObject @end
@interface NSURLQueryItem : NSObject @end
@interface NSURLComponents : NSObject @end
@interface NSNotification : NSObject @end
@interface NSRunLoop : NSObject @end
@interface NSTimer : NSObject @end
@interface NSOperationQueue : NSObject @end
@protocol NSLocking - (void)lock; - (void)unlock; @end
@interface NSLock : NSObject <NSLocking> @end
@interface NSRecursiveLock : NSObject <NSLocking> @end
@interface NSProxy <NSObject> @end
@interface NSFileManager : NSObject @end
@interface NSJSONSerialization : NSObject @end
@interface NSAttributedString : NSObject @end
@interface NSRegularExpression : NSObject @end
@interface NSProgress : NSObject @end
@interface NSURLSession : NSObject @end
@interface NSURLSessionConfiguration : NSObject @end
FOUNDATION_EXPORT void NSLog(NSString *f, ...);
FOUNDATION_EXPORT NSString *NSStringFromClass(Class c); FOUNDATION_EXPORT NSString *NSStringFromSelector(SEL s); FOUNDATION_EXPORT Class NSClassFromString(NSString *s); FOUNDATION_EXPORT SEL NSSelectorFromString(NSString *s);
#define NSAssert(c, ...) do { (void)(c); } while (0)
#define NSCAssert(c, ...) do { (void)(c); } while (0)
#define NSCParameterAssert(c) do { (void)(c); } while (0)
#define NSParameterAssert(c) do { (void)(c); } while (0)

typedef const void *CFTypeRef; typedef const struct __CFNull *CFNullRef; FOUNDATION_EXPORT const CFNullRef kCFNull;
typedef const struct __CFString *CFStringRef; typedef const struct __CFDictionary *CFDictionaryRef; typedef const struct __CFData *CFDataRef; typedef const struct __CFAllocator *CFAllocatorRef; typedef double CFTimeInterval; typedef long CFIndex; typedef unsigned char Boolean_;
