package android.security.keystore;

import java.security.spec.AlgorithmParameterSpec;

/** Stand-in: remembers what was asked for. */
public final class KeyGenParameterSpec implements AlgorithmParameterSpec {
    public final String alias;
    public final int purposes;
    public final String asked;
    public final boolean strongBox;

    private KeyGenParameterSpec(Builder builder) {
        alias = builder.alias;
        purposes = builder.purposes;
        asked = builder.asked.toString().trim();
        strongBox = builder.strongBox;
    }

    public static final class Builder {
        private final String alias;
        private final int purposes;
        private final StringBuilder asked = new StringBuilder();
        private boolean strongBox;

        public Builder(String alias, int purposes) {
            this.alias = alias;
            this.purposes = purposes;
        }

        private Builder note(String what) {
            asked.append(what).append(' ');
            return this;
        }

        public Builder setKeySize(int bits) {
            return note("size=" + bits);
        }

        public Builder setIsStrongBoxBacked(boolean wanted) {
            strongBox = wanted;
            return note("strongBox=" + wanted);
        }

        public Builder setUnlockedDeviceRequired(boolean wanted) {
            return note("unlocked=" + wanted);
        }

        public Builder setUserAuthenticationRequired(boolean wanted) {
            return note("authentication=" + wanted);
        }

        public Builder setUserAuthenticationParameters(int timeout, int type) {
            return note("parameters=" + timeout + "," + type);
        }

        public Builder setInvalidatedByBiometricEnrollment(boolean wanted) {
            return note("invalidated=" + wanted);
        }

        public KeyGenParameterSpec build() {
            return new KeyGenParameterSpec(this);
        }
    }
}
