package android.os;

/** Stand-in: the version can be chosen, as a phone's cannot. */
public class Build {
    public static class VERSION {
        public static volatile int SDK_INT = 35;
    }
}
