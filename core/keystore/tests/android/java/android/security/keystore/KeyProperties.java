package android.security.keystore;

public final class KeyProperties {
    public static final int PURPOSE_SIGN = 4;
    public static final int AUTH_BIOMETRIC_STRONG = 2;
    public static final int SECURITY_LEVEL_UNKNOWN = -2;
    public static final int SECURITY_LEVEL_UNKNOWN_SECURE = -1;
    public static final int SECURITY_LEVEL_SOFTWARE = 0;
    public static final int SECURITY_LEVEL_TRUSTED_ENVIRONMENT = 1;
    public static final int SECURITY_LEVEL_STRONGBOX = 2;

    private KeyProperties() {}
}
