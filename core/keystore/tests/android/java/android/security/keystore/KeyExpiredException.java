package android.security.keystore;

public class KeyExpiredException extends java.security.InvalidKeyException {
    public KeyExpiredException() {
        super("a text that must go nowhere");
    }
}
