package android.os;

public class DeadObjectException extends Exception {
    public DeadObjectException() {
        super("a text that must go nowhere");
    }
}
