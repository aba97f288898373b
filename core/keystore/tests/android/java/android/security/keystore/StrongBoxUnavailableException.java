package android.security.keystore;

public class StrongBoxUnavailableException extends java.security.ProviderException {
    public StrongBoxUnavailableException() {
        super("a text that must go nowhere");
    }
}
