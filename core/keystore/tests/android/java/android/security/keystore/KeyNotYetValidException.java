package android.security.keystore;

public class KeyNotYetValidException extends java.security.InvalidKeyException {
    public KeyNotYetValidException() {
        super("a text that must go nowhere");
    }
}
