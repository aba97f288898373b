package standin;

import java.io.InputStream;
import java.io.OutputStream;
import java.security.InvalidKeyException;
import java.security.Key;
import java.security.KeyStoreSpi;
import java.security.Provider;
import java.security.SecureRandom;
import java.security.cert.Certificate;
import java.security.spec.AlgorithmParameterSpec;
import java.security.spec.InvalidKeySpecException;
import java.security.spec.KeySpec;
import java.util.Collections;
import java.util.Date;
import java.util.Enumeration;
import javax.crypto.KeyGeneratorSpi;
import javax.crypto.MacSpi;
import javax.crypto.SecretKey;
import javax.crypto.SecretKeyFactorySpi;

/** Stand-in for the phone's provider, under its name. */
public final class AndroidKeyStoreProvider extends Provider {
    public AndroidKeyStoreProvider() {
        super("AndroidKeyStore", "1", "stand-in");
        put("KeyStore.AndroidKeyStore", Store.class.getName());
        put("KeyGenerator.HmacSHA256", Generator.class.getName());
        put("SecretKeyFactory.HmacSHA256", Factory.class.getName());
        put("Mac.HmacSHA256", Hmac.class.getName());
        put("Mac.HmacSHA256 SupportedKeyClasses", HardwareKey.class.getName());
    }

    public static final class Store extends KeyStoreSpi {
        @Override
        public Key engineGetKey(String alias, char[] password) {
            Phone.step("getKey");
            return Phone.SECRETS.containsKey(alias) ? new HardwareKey(alias) : null;
        }

        @Override
        public boolean engineContainsAlias(String alias) {
            // as on a phone: "no", whatever went wrong
            try {
                return engineGetKey(alias, null) != null;
            } catch (Throwable e) {
                return false;
            }
        }

        @Override
        public void engineDeleteEntry(String alias) {
            Phone.step("delete");
            Phone.SECRETS.remove(alias);
        }

        @Override
        public void engineLoad(InputStream stream, char[] password) {
            if (stream != null || password != null) throw new IllegalArgumentException();
            Phone.step("load");
        }

        @Override
        public Enumeration<String> engineAliases() {
            return Collections.enumeration(Phone.SECRETS.keySet());
        }

        @Override
        public int engineSize() {
            return Phone.SECRETS.size();
        }

        @Override
        public boolean engineIsKeyEntry(String alias) {
            return engineContainsAlias(alias);
        }

        @Override
        public boolean engineIsCertificateEntry(String alias) {
            return false;
        }

        @Override
        public Certificate[] engineGetCertificateChain(String alias) {
            return null;
        }

        @Override
        public Certificate engineGetCertificate(String alias) {
            return null;
        }

        @Override
        public Date engineGetCreationDate(String alias) {
            return null;
        }

        @Override
        public String engineGetCertificateAlias(Certificate certificate) {
            return null;
        }

        @Override
        public void engineSetKeyEntry(String alias, Key key, char[] password, Certificate[] chain) {
            throw new UnsupportedOperationException();
        }

        @Override
        public void engineSetKeyEntry(String alias, byte[] key, Certificate[] chain) {
            throw new UnsupportedOperationException();
        }

        @Override
        public void engineSetCertificateEntry(String alias, Certificate certificate) {
            throw new UnsupportedOperationException();
        }

        @Override
        public void engineStore(OutputStream stream, char[] password) {
            throw new UnsupportedOperationException();
        }
    }

    public static final class Generator extends KeyGeneratorSpi {
        private android.security.keystore.KeyGenParameterSpec spec;

        @Override
        protected void engineInit(AlgorithmParameterSpec params, SecureRandom random) {
            spec = (android.security.keystore.KeyGenParameterSpec) params;
            if (spec.purposes != android.security.keystore.KeyProperties.PURPOSE_SIGN) {
                throw new IllegalArgumentException("not for signing alone");
            }
        }

        @Override
        protected void engineInit(SecureRandom random) {
            throw new UnsupportedOperationException();
        }

        @Override
        protected void engineInit(int size, SecureRandom random) {
            throw new UnsupportedOperationException();
        }

        @Override
        protected SecretKey engineGenerateKey() {
            Phone.step("generate");
            Phone.make(spec);
            return new HardwareKey(spec.alias);
        }
    }

    public static final class Factory extends SecretKeyFactorySpi {
        @Override
        protected KeySpec engineGetKeySpec(SecretKey key, Class<?> wanted) {
            Phone.step("info");
            if (wanted != android.security.keystore.KeyInfo.class) throw new IllegalArgumentException();
            return new android.security.keystore.KeyInfo(Phone.LEVELS.get(((HardwareKey) key).alias));
        }

        @Override
        protected SecretKey engineGenerateSecret(KeySpec spec) throws InvalidKeySpecException {
            throw new InvalidKeySpecException();
        }

        @Override
        protected SecretKey engineTranslateKey(SecretKey key) throws InvalidKeyException {
            throw new InvalidKeyException();
        }
    }

    public static final class Hmac extends MacSpi {
        private javax.crypto.Mac inner;

        @Override
        protected int engineGetMacLength() {
            return 32;
        }

        @Override
        protected void engineInit(Key key, AlgorithmParameterSpec params) throws InvalidKeyException {
            Phone.step("init");
            byte[] secret = Phone.SECRETS.get(((HardwareKey) key).alias);
            if (secret == null) throw new InvalidKeyException();
            try {
                inner = javax.crypto.Mac.getInstance("HmacSHA256", "SunJCE");
                inner.init(new javax.crypto.spec.SecretKeySpec(secret, "HmacSHA256"));
            } catch (java.security.GeneralSecurityException e) {
                throw new AssertionError(e);
            }
        }

        @Override
        protected void engineUpdate(byte input) {
            inner.update(input);
        }

        @Override
        protected void engineUpdate(byte[] input, int offset, int length) {
            Phone.asking(input);
            inner.update(input, offset, length);
        }

        @Override
        protected byte[] engineDoFinal() {
            Phone.step("doFinal");
            byte[] whole = inner.doFinal();
            Phone.answering(whole);
            return Phone.returnsShortAnswers() ? java.util.Arrays.copyOf(whole, 31) : whole;
        }

        @Override
        protected void engineReset() {
            if (inner != null) inner.reset();
        }
    }
}
