package android.os;

public class TransactionTooLargeException extends Exception {
    public TransactionTooLargeException() {
        super("a text that must go nowhere");
    }
}
