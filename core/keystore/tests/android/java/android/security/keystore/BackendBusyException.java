package android.security.keystore;

public class BackendBusyException extends java.security.ProviderException {
    public BackendBusyException() {
        super("a text that must go nowhere");
    }
}
