package android.security.keystore;

import java.security.spec.KeySpec;

/** Stand-in. */
public class KeyInfo implements KeySpec {
    private final int level;

    public KeyInfo(int level) {
        this.level = level;
    }

    public int getSecurityLevel() {
        if (android.os.Build.VERSION.SDK_INT < 31) throw new NoSuchMethodError("came with 31");
        return level;
    }

    public boolean isInsideSecureHardware() {
        return level != KeyProperties.SECURITY_LEVEL_SOFTWARE;
    }
}
