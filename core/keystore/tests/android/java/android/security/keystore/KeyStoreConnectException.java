package android.security.keystore;

public class KeyStoreConnectException extends java.security.ProviderException {
    public KeyStoreConnectException() {
        super("a text that must go nowhere");
    }
}
