//! The files of a recovery: keys as text that can be printed and typed, messages as they are. Never
//! replaces a file, and reads no private key that others can read.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use amana_core::secret::OrganisationPrivateKey;
use amana_core::vault::RecoveryKey;
use zeroize::Zeroizing;

const PRIVATE: &str = "amana organisation private key 1";
const PUBLIC: &str = "amana organisation public key 1";
/// A message is a few hundred bytes long.
const LONGEST: u64 = 16 * 1024;

/// Writes both halves; gives the place of the private one.
pub(crate) fn write_pair(
    folder: &Path,
    private: &OrganisationPrivateKey,
    public: &RecoveryKey,
) -> Result<PathBuf, String> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
        .create(folder)
        .map_err(|_| "the folder cannot be made".to_owned())?;
    let at = folder.join("organisation.private");
    let hex = to_hex(private.expose());
    let mut text = Zeroizing::new(String::with_capacity(128));
    for part in [PRIVATE, "\n", hex.as_str(), "\n"] {
        text.push_str(part);
    }
    write_new(&at, text.as_bytes())?;
    let known = format!(
        "{PUBLIC}\n{}\nfingerprint {}\n",
        to_hex(&public.bytes()).as_str(),
        public.fingerprint()
    );
    write_new(&folder.join("organisation.public"), known.as_bytes())?;
    Ok(at)
}

/// Reads the private key.
pub(crate) fn read_private(path: &Path) -> Result<OrganisationPrivateKey, String> {
    refuse_shared(path)?;
    let text = Zeroizing::new(read_limited(path, "the private key")?);
    let text = std::str::from_utf8(&text).map_err(|_| no_key())?;
    let hex = text
        .strip_prefix(PRIVATE)
        .and_then(|rest| rest.strip_prefix('\n'))
        .ok_or_else(no_key)?;
    let bytes = from_hex(hex.trim_end()).ok_or_else(no_key)?;
    Ok(OrganisationPrivateKey::from_bytes(&bytes))
}

fn no_key() -> String {
    "the file holds no private key of an organisation".to_owned()
}

/// Reads the public key, and makes sure that it is the one that its fingerprint says.
pub(crate) fn read_public(path: &Path) -> Result<RecoveryKey, String> {
    let text = read_limited(path, "the public key")?;
    let (key, fingerprint) = std::str::from_utf8(&text)
        .ok()
        .and_then(parse_public)
        .ok_or_else(|| "the file holds no public key of an organisation".to_owned())?;
    if key.fingerprint() != fingerprint {
        return Err("the public key and its fingerprint do not belong together".to_owned());
    }
    Ok(key)
}

fn parse_public(text: &str) -> Option<(RecoveryKey, &str)> {
    let mut lines = text.lines().map(str::trim_end);
    if lines.next()? != PUBLIC {
        return None;
    }
    let key = RecoveryKey::from_bytes(*from_hex(lines.next()?)?);
    Some((key, lines.next()?.strip_prefix("fingerprint ")?))
}

/// As ssh does: a key that others can read is no secret.
fn refuse_shared(path: &Path) -> Result<(), String> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let metadata =
            fs::metadata(path).map_err(|_| "the private key cannot be read".to_owned())?;
        if metadata.permissions().mode() & 0o077 != 0 {
            return Err(
                "others can read the private key: make it yours alone (chmod 600)".to_owned(),
            );
        }
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

/// Reads a request.
pub(crate) fn read_message(path: &Path) -> Result<Vec<u8>, String> {
    read_limited(path, "the request")
}

fn read_limited(path: &Path, what: &str) -> Result<Vec<u8>, String> {
    let metadata = fs::metadata(path).map_err(|_| format!("{what} cannot be read"))?;
    if metadata.len() > LONGEST {
        return Err(format!("{what} is too long"));
    }
    fs::read(path).map_err(|_| format!("{what} cannot be read"))
}

/// Writes a file of the owner's alone that is not there yet.
pub(crate) fn write_new(path: &Path, bytes: &[u8]) -> Result<(), String> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => format!("{} is there already", path.display()),
        _ => format!("{} cannot be written", path.display()),
    })?;
    file.write_all(bytes)
        .and_then(|()| file.sync_all())
        .map_err(|_| format!("{} cannot be written", path.display()))
}

/// Lower-case hexadecimal.
pub(crate) fn to_hex(bytes: &[u8; 32]) -> Zeroizing<String> {
    let mut hex = Zeroizing::new(String::with_capacity(64));
    for byte in bytes {
        for nibble in [byte >> 4, byte & 15] {
            hex.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
        }
    }
    hex
}

fn from_hex(hex: &str) -> Option<Zeroizing<[u8; 32]>> {
    if hex.len() != 64 || !hex.is_ascii() {
        return None;
    }
    let mut bytes = Zeroizing::new([0; 32]);
    for (byte, digits) in bytes.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
        let [high, low] = [digits[0], digits[1]].map(|digit| char::from(digit).to_digit(16));
        *byte = u8::try_from(high? * 16 + low?).ok()?;
    }
    Some(bytes)
}
