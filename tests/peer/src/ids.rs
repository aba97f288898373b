//! The fixed ids of the seeded rows, so that a test can name them.

/// The first clinic, to which the first two users belong.
pub const CLINIC_A: &str = "c11c0000-0000-4000-8000-00000000000a";
/// Another clinic.
pub const CLINIC_B: &str = "c11c0000-0000-4000-8000-00000000000b";
/// The n-th seeded user has the id that [`user_id`] gives for n, from 0.
pub const USER_A1: &str = "05e40000-0000-4000-8000-000000000000";
/// The second user, a registrar of clinic A.
pub const USER_A2: &str = "05e40000-0000-4000-8000-000000000001";
/// The third user, a provider of clinic B.
pub const USER_B1: &str = "05e40000-0000-4000-8000-000000000002";
/// A user of clinic A whose password holds a colon.
pub const USER_COLON: &str = "05e40000-0000-4000-8000-000000000003";
/// The event form.
pub const EVENT_FORM: &str = "f0430000-0000-4000-8000-000000000001";
/// The registration form.
pub const REGISTRATION_FORM: &str = "f0430000-0000-4000-8000-000000000002";
/// A department of clinic A.
pub const DEPARTMENT: &str = "de9a0000-0000-4000-8000-000000000001";
/// A drug with stock in clinic A.
pub const DRUG: &str = "d4060000-0000-4000-8000-000000000001";
/// A drug without any stock row.
pub const DRUG_WITHOUT_STOCK: &str = "d4060000-0000-4000-8000-000000000002";
/// The stock row of [`DRUG`] in clinic A.
pub const STOCK: &str = "570c0000-0000-4000-8000-000000000001";
/// The batch of [`STOCK`].
pub const STOCK_BATCH: &str = "ba7c0000-0000-4000-8000-000000000001";
/// The setting (`system`, `operation_mode`).
pub const OPERATION_MODE: &str = "c0f60000-0000-4000-8000-000000000001";
/// The hub device whose key [`HUB_KEY`] is.
pub const HUB: &str = "4b000000-0000-4000-8000-000000000001";
/// The API key of [`HUB`].
pub const HUB_KEY: &str = "reference-hub-key";

/// The id of the n-th seeded user, from 0.
pub fn user_id(n: usize) -> String {
    format!("05e40000-0000-4000-8000-{n:012x}")
}

/// The id of the n-th patient of [`Peer::seed_patients`](crate::Peer::seed_patients), from 0.
pub fn patient_id(n: usize) -> String {
    format!("9a710000-0000-4000-8000-{n:012x}")
}

/// The id of that patient's visit.
pub fn visit_id(n: usize) -> String {
    format!("71510000-0000-4000-8000-{n:012x}")
}

/// The id of that patient's k-th event, from 0.
pub fn event_id(n: usize, k: usize) -> String {
    format!("e7e40000-0000-4000-8000-{:012x}", n * 3 + k)
}
