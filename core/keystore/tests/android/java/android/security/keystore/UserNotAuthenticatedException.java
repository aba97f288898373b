package android.security.keystore;

public class UserNotAuthenticatedException extends java.security.InvalidKeyException {
    public UserNotAuthenticatedException() {
        super("a text that must go nowhere");
    }
}
