package standin;

import java.lang.reflect.Constructor;

/** Throws whatever the test names, checked exceptions too. */
final class Faults {
    private Faults() {}

    /**
     * A class name; "Outer < Inner" for an exception with a cause; "@NUMBER" or "@NUMBER!" for the
     * key store's own exception, permanent or transient; "slow:MILLISECONDS" for a late answer;
     * "circle" for an exception that is its cause's cause.
     */
    static void hit(String what) {
        if (what == null) return;
        if (what.startsWith("slow:")) {
            sleep(Long.parseLong(what.substring(5)));
            return;
        }
        Faults.<RuntimeException>raise(build(what));
    }

    private static Throwable build(String what) {
        if (what.equals("circle")) {
            Throwable one = new IllegalStateException("one");
            one.initCause(new IllegalStateException("two", one));
            return one;
        }
        String[] parts = what.split(" < ", 2);
        Throwable made = single(parts[0]);
        if (parts.length == 2) made.initCause(build(parts[1]));
        return made;
    }

    private static Throwable single(String what) {
        if (what.startsWith("@")) {
            boolean isTransient = what.endsWith("!");
            String number = what.substring(1, what.length() - (isTransient ? 1 : 0));
            return new android.security.KeyStoreException(Integer.parseInt(number), isTransient);
        }
        try {
            Constructor<?> constructor = Class.forName(what).getConstructor();
            return (Throwable) constructor.newInstance();
        } catch (ReflectiveOperationException e) {
            throw new AssertionError("the test names no exception: " + what, e);
        }
    }

    private static void sleep(long milliseconds) {
        try {
            Thread.sleep(milliseconds);
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    @SuppressWarnings("unchecked")
    private static <E extends Throwable> void raise(Throwable throwable) throws E {
        throw (E) throwable;
    }
}
