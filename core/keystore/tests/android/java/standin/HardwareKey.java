package standin;

import javax.crypto.SecretKey;

/** A key that cannot be exported: only this package's Mac can use it. */
public final class HardwareKey implements SecretKey {
    final String alias;

    HardwareKey(String alias) {
        this.alias = alias;
    }

    @Override
    public String getAlgorithm() {
        return "HmacSHA256";
    }

    @Override
    public String getFormat() {
        return null;
    }

    @Override
    public byte[] getEncoded() {
        return null;
    }
}
