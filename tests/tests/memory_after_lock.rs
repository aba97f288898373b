//! After a lock, a wrong PIN, a rotation and a wipe the process's whole readable memory holds no key and
//! no PIN. Alone in its process.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use amana_core::cancel::CancelToken;
use amana_core::error::ErrorCode;
use amana_core::ports::KeyStore;
use amana_core::secret::scrub_stack;
use amana_core::system::{SystemClock, SystemEntropy, SystemTimer};
use amana_core::test_support::MemoryKeyStore;
use amana_core::{
    Amana, Config, NewPolicy, NewVault, PersonId, Pin, PinKdf, System, Unlock, vault,
};
use pollster::block_on;

const MASK: u8 = 0xa7;

/// A secret to look for. Kept masked, so that the search does not find itself.
struct Needle {
    name: &'static str,
    masked: Vec<u8>,
}

impl Needle {
    fn new(name: &'static str, bytes: impl Iterator<Item = u8>) -> Self {
        Self {
            name,
            masked: bytes.map(|byte| byte ^ MASK).collect(),
        }
    }

    fn is_at(&self, window: &[u8]) -> bool {
        window
            .iter()
            .zip(&self.masked)
            .all(|(byte, masked)| byte ^ MASK == *masked)
    }
}

/// How often each needle stands in the memory of this process.
fn search(needles: &[Needle]) -> Vec<usize> {
    let memory = File::open("/proc/self/mem").unwrap();
    let maps: Vec<String> = BufReader::new(File::open("/proc/self/maps").unwrap())
        .lines()
        .map(Result::unwrap)
        .collect();
    let mut found = vec![0; needles.len()];
    let mut begins = [false; 256];
    for needle in needles {
        begins[usize::from(needle.masked[0])] = true;
    }
    let longest = needles.iter().map(|n| n.masked.len()).max().unwrap_or(0);
    let mut buffer = vec![0u8; 1 << 20];
    let own = buffer.as_ptr() as u64..buffer.as_ptr() as u64 + buffer.len() as u64;
    for map in &maps {
        let mut fields = map.split_whitespace();
        let (range, rights) = (fields.next().unwrap(), fields.next().unwrap());
        if !rights.starts_with("rw") {
            continue;
        }
        let (from, to) = range.split_once('-').unwrap();
        let parse = |text| u64::from_str_radix(text, 16).unwrap();
        let (mut at, end) = (parse(from), parse(to));
        while at < end {
            let length = (end - at).min(buffer.len() as u64) as usize;
            let Ok(read) = memory.read_at(&mut buffer[..length], at) else {
                break;
            };
            if read == 0 {
                break;
            }
            for (i, window) in buffer[..read].windows(longest).enumerate() {
                if !begins[usize::from(window[0] ^ MASK)] {
                    continue;
                }
                // The buffer holds what was read before.
                if own.contains(&(at + i as u64)) {
                    continue;
                }
                for (needle, count) in needles.iter().zip(&mut found) {
                    *count += usize::from(needle.is_at(&window[..needle.masked.len()]));
                }
            }
            at += if read == length && at + read as u64 != end {
                (read - longest) as u64
            } else {
                read as u64
            };
        }
    }
    buffer.fill(0);
    found
}

/// A vault of persons whose PIN and keys are known to the test, masked.
struct Searched {
    directory: tempfile::TempDir,
    key_store: Arc<dyn KeyStore>,
    amana: Amana,
    person: PersonId,
}

impl Searched {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let key_store: Arc<dyn KeyStore> = Arc::new(MemoryKeyStore::new());
        let config = Config {
            pin_kdf: Some(PinKdf::for_tests()),
            ..Config::new(directory.path())
        };
        let amana = Amana::attach(config, Arc::clone(&key_store), System::real()).unwrap();
        let person = PersonId::new("ama").unwrap();
        let new = NewVault {
            policy: NewPolicy::Person {
                person: &person,
                pin: &unmasked(&PIN),
            },
            recovery: None,
        };
        amana.create(&new).unwrap();
        Self {
            directory,
            key_store,
            amana,
            person,
        }
    }

    /// Every secret of the vault as it is now.
    fn needles(&self) -> Vec<Needle> {
        let path = self.directory.path().canonicalize().unwrap();
        let io = vault::VaultIo {
            directory: &path,
            database_file: &vault::database_path(&path),
            key_store: &*self.key_store,
            clock: &SystemClock,
            entropy: &SystemEntropy,
            timer: &SystemTimer,
            cancel: &CancelToken::new(),
        };
        let secrets = vault::secrets_of_person(&io, &self.person, &unmasked(&PIN)).unwrap();
        let mut needles: Vec<Needle> = secrets
            .iter()
            .map(|(name, bytes)| Needle::new(name, bytes.iter().copied()))
            .collect();
        let (_, database) = &secrets[secrets.len() - 1];
        let hex = database.iter().flat_map(|byte| {
            let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap() as u8;
            [digit(byte >> 4), digit(byte & 15)]
        });
        needles.push(Needle::new("the database key as text", hex));
        needles.push(Needle {
            name: "the PIN",
            masked: PIN.to_vec(),
        });
        // The test's own way to them.
        drop(secrets);
        scrub_stack();
        needles
    }

    fn unlock(&self, pin: &[u8]) -> amana_core::Result<()> {
        let (person, pin) = (&self.person, &unmasked(pin));
        self.amana.unlock_with(&Unlock::Pin { person, pin })
    }
}

const fn masked<const N: usize>(text: &[u8; N]) -> [u8; N] {
    let mut out = [0; N];
    let mut at = 0;
    while at < N {
        out[at] = text[at] ^ MASK;
        at += 1;
    }
    out
}

// Masked while compiling: the program holds neither.
const PIN: [u8; 12] = masked(b"730194628501");
const WRONG: [u8; 12] = masked(b"918273640519");

fn unmasked(pin: &[u8]) -> Pin {
    Pin::new(pin.iter().map(|byte| byte ^ MASK).collect()).unwrap()
}

fn assert_gone(when: &str, needles: &[Needle]) {
    for (needle, found) in needles.iter().zip(search(needles)) {
        assert_eq!(found, 0, "{when}: {} is still in memory", needle.name);
    }
}

// One test, because the memory is that of all tests of a process.
#[test]
fn no_secret_is_left_after_a_lock_a_wrong_pin_a_rotation_and_a_wipe() {
    let vault = Searched::new();
    for n in 0..50 {
        let fields = format!(r#"{{"given_name":"P{n}"}}"#);
        block_on(vault.amana.insert("patients", &fields)).unwrap();
    }
    assert_eq!(block_on(vault.amana.count("patients", "{}")).unwrap(), 50);
    let mut needles = vault.needles();
    assert!(
        search(&needles)[needles.len() - 2] == 0,
        "the key's text is not needed after the opening"
    );
    // SQLCipher holds the database key of an open vault: the search finds what is there.
    let open: usize = search(&needles).iter().sum();
    assert!(open > 0, "nothing is found of an open vault");
    vault.amana.lock().unwrap();
    assert_gone("after a lock", &needles);

    needles.push(Needle {
        name: "the wrong PIN",
        masked: WRONG.to_vec(),
    });
    let error = vault.unlock(&WRONG).unwrap_err();
    assert_eq!(error.code(), ErrorCode::WrongPin);
    assert_gone("after a wrong PIN", &needles);

    vault.unlock(&PIN).unwrap();
    vault.amana.rotate().unwrap();
    assert_eq!(block_on(vault.amana.count("patients", "{}")).unwrap(), 50);
    vault.amana.lock().unwrap();
    needles.extend(vault.needles());
    assert_gone("after a rotation and a lock", &needles);

    vault.unlock(&PIN).unwrap();
    vault.amana.wipe().unwrap();
    assert_gone("after a wipe", &needles);

    // That this can fail: copies that nobody wiped.
    let leaks: Vec<Vec<u8>> = needles
        .iter()
        .map(|needle| needle.masked.iter().map(|byte| byte ^ MASK).collect())
        .collect();
    for (needle, found) in needles.iter().zip(search(&needles)) {
        assert!(found > 0, "{} was planted", needle.name);
    }
    drop(std::hint::black_box(leaks));
}
