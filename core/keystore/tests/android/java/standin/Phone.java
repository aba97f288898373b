package standin;

import android.security.keystore.KeyProperties;
import java.security.SecureRandom;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** The phone's hardware, and what the test makes it do. */
public final class Phone {
    static final Map<String, byte[]> SECRETS = new ConcurrentHashMap<>();
    static final Map<String, Integer> LEVELS = new ConcurrentHashMap<>();
    private static final Map<String, String> FAULTS = new ConcurrentHashMap<>();
    private static volatile String asked = "";
    private static volatile int levelOfNewKeys = KeyProperties.SECURITY_LEVEL_TRUSTED_ENVIRONMENT;
    private static volatile boolean returnsShortAnswers;
    private static volatile byte[] question;
    private static volatile byte[] answer;

    private Phone() {}

    /** Registers the provider, last of all, as a phone's is not the first for Mac either. */
    public static void start() {
        java.security.Security.addProvider(new AndroidKeyStoreProvider());
    }

    /** From now on the step throws this; an empty name ends it. */
    public static void fail(String step, String what) {
        if (what.isEmpty()) FAULTS.remove(step);
        else FAULTS.put(step, what);
    }

    public static void useLevel(int level) {
        levelOfNewKeys = level;
    }

    public static void answerShortly(boolean wanted) {
        returnsShortAnswers = wanted;
    }

    /** A key whose secret the test knows. */
    public static void plant(String alias, int fill) {
        byte[] secret = new byte[32];
        java.util.Arrays.fill(secret, (byte) fill);
        SECRETS.put(alias, secret);
        LEVELS.put(alias, levelOfNewKeys);
    }

    /** What the last key was asked to be. */
    public static String asked() {
        return asked;
    }

    public static int keys() {
        return SECRETS.size();
    }

    /** Whether the arrays of the last question and answer were overwritten afterwards. */
    public static boolean nothingStayed() {
        return isWiped(question) && isWiped(answer);
    }

    private static boolean isWiped(byte[] array) {
        return array == null || java.util.Arrays.equals(array, new byte[array.length]);
    }

    static void asking(byte[] array) {
        question = array;
        answer = null;
    }

    static void answering(byte[] array) {
        answer = array;
    }

    static boolean returnsShortAnswers() {
        return returnsShortAnswers;
    }

    static void make(android.security.keystore.KeyGenParameterSpec spec) {
        asked = spec.asked;
        if (spec.strongBox) Faults.hit(FAULTS.get("strongbox"));
        byte[] secret = new byte[32];
        new SecureRandom().nextBytes(secret);
        // as on a phone: what was there is replaced without a word
        SECRETS.put(spec.alias, secret);
        LEVELS.put(spec.alias, spec.strongBox ? KeyProperties.SECURITY_LEVEL_STRONGBOX : levelOfNewKeys);
    }

    static void step(String name) {
        Faults.hit(FAULTS.get(name));
    }
}
