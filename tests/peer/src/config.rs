//! What a peer is started with.

use std::fmt;
use std::path::PathBuf;

use crate::clock::{Clock, real_clock};
use crate::ids;

/// A user who exists from the start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserSeed {
    /// Compared with its case.
    pub email: String,
    /// Plain; these are invented people.
    pub password: String,
    /// Shown name.
    pub name: String,
    /// For example `provider`, `registrar`, `admin`.
    pub role: String,
    /// The clinic the user works for, if any.
    pub clinic_id: Option<String>,
}

impl UserSeed {
    /// A user of clinic A named after the part of the e-mail before the `@`.
    pub fn new(email: &str, password: &str, role: &str) -> Self {
        Self {
            email: email.to_owned(),
            password: password.to_owned(),
            name: email.split('@').next().unwrap_or(email).to_owned(),
            role: role.to_owned(),
            clinic_id: Some(ids::CLINIC_A.to_owned()),
        }
    }

    fn of(mut self, name: &str, clinic_id: &str) -> Self {
        self.name = name.to_owned();
        self.clinic_id = Some(clinic_id.to_owned());
        self
    }
}

/// A clinic that exists from the start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClinicSeed {
    /// A UUID.
    pub id: String,
    /// Shown name.
    pub name: String,
}

/// What a peer is started with. [`Default`] is the real server with the seeded people.
#[derive(Clone)]
pub struct PeerConfig {
    /// Port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// The database file; without one a temporary file is used and removed at the end.
    pub database: Option<PathBuf>,
    /// A folder that keeps the certificate authority, so that a server which comes back is the
    /// same to its clients; without one each server has an authority of its own.
    pub tls_folder: Option<PathBuf>,
    /// Clinics to begin with. The first two have the ids of [`ids`].
    pub clinics: Vec<ClinicSeed>,
    /// Users to begin with; the n-th gets [`ids::user_id`]`(n)`.
    pub users: Vec<UserSeed>,
    /// The server's clock.
    pub clock: Clock,
    /// The server's time zone, as minutes ahead of UTC; it decides how days are printed.
    pub time_zone_minutes: i32,
    /// The server's history limit (`MAX_HISTORY_DAYS_SYNC`).
    pub max_history_days: Option<u32>,
    /// Whether the rate limits hold. They do on the real server.
    pub rate_limit: bool,
    /// Whether the routes below `/__peer/` are open.
    pub admin: bool,
    /// Time that each Basic authentication takes, as the real one hashes the password.
    pub basic_latency_ms: u64,
    /// Patients to seed before the first request, each with a visit and three events.
    pub seed_patients: usize,
}

impl Default for PeerConfig {
    fn default() -> Self {
        Self {
            port: 0,
            database: None,
            tls_folder: None,
            clinics: vec![
                ClinicSeed {
                    id: ids::CLINIC_A.to_owned(),
                    name: "Clinic A".to_owned(),
                },
                ClinicSeed {
                    id: ids::CLINIC_B.to_owned(),
                    name: "Clinic B".to_owned(),
                },
            ],
            users: vec![
                UserSeed::new("noor@clinic-a.example", "Cedar-River-7", "provider")
                    .of("Dr Noor Haddad", ids::CLINIC_A),
                UserSeed::new("sami@clinic-a.example", "Olive-Stone-4", "registrar")
                    .of("Sami Aziz", ids::CLINIC_A),
                UserSeed::new("lena@clinic-b.example", "Amber-Field-2", "provider")
                    .of("Dr Lena Farah", ids::CLINIC_B),
                UserSeed::new("colon@clinic-a.example", "left:right", "provider")
                    .of("Tariq Colon", ids::CLINIC_A),
            ],
            clock: real_clock(),
            time_zone_minutes: 0,
            max_history_days: None,
            rate_limit: true,
            admin: false,
            basic_latency_ms: 0,
            seed_patients: 0,
        }
    }
}

impl fmt::Debug for PeerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PeerConfig")
            .field("port", &self.port)
            .field("database", &self.database)
            .field("users", &self.users.len())
            .field("time_zone_minutes", &self.time_zone_minutes)
            .field("max_history_days", &self.max_history_days)
            .field("rate_limit", &self.rate_limit)
            .finish_non_exhaustive()
    }
}
