package android.security;

/** Stand-in: says of itself what the test wants. */
public class KeyStoreException extends Exception {
    private final int number;
    private final boolean isTransient;

    public KeyStoreException(int number, boolean isTransient) {
        super("a text that must go nowhere");
        this.number = number;
        this.isTransient = isTransient;
    }

    public int getNumericErrorCode() {
        return number;
    }

    public boolean isTransientFailure() {
        return isTransient;
    }
}
