package android.security.keystore;

public class UserPresenceUnavailableException extends java.security.InvalidKeyException {
    public UserPresenceUnavailableException() {
        super("a text that must go nowhere");
    }
}
