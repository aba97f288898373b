//! What the program is called with.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

/// What is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Scene {
    /// Two tablets of one clinic: offline, synced, in conflict, killed, and the same in the end.
    Story,
    /// Every row of the open-time table on a simulated phone: what was wanted beside what was seen.
    Keys,
    /// A week at a clinic: four tablets, a hub and a cloud, and what goes wrong in such a week.
    Clinic,
}

impl Scene {
    /// Its name on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Story => "story",
            Self::Keys => "keys",
            Self::Clinic => "clinic",
        }
    }

    /// How many patients it has unless told otherwise.
    const fn patients(self) -> u32 {
        match self {
            // The keys have none.
            Self::Story | Self::Keys => 2_000,
            Self::Clinic => 140,
        }
    }
}

/// Shows Amana at work, in scenes; each exits 0 only if every proof of it holds.
///
/// The story starts a reference server and two tablets as processes of their own,
/// registers patients offline on both, syncs, edits one patient on both, kills a tablet in the
/// middle of a pull, and proves that tablets and server hold the same, that no file holds a name in
/// the clear, and that a foreign key opens nothing.
///
/// The clinic has four tablets, a hub and a cloud, and a week in which hub and cloud die and come
/// back, a record is refused, and every tablet is killed in every phase of a sync; it proves that all
/// six hold the same in the end and that nothing was lost. Options about a server are the story's.
#[derive(Parser, Debug)]
#[command(name = "demo", version)]
pub struct Arguments {
    /// What to show.
    #[arg(value_enum, default_value = "story")]
    pub scene: Scene,
    /// Patients in all, each with a visit. Default: 2000 in the story, 140 at the clinic.
    #[arg(long, value_parser = clap::value_parser!(u32).range(10..=100_000))]
    patients: Option<u32>,
    /// One JSON object as the last line of standard output; all else goes to standard error.
    #[arg(long)]
    pub json: bool,
    /// Keeps the temporary folder and prints where it is.
    #[arg(long)]
    pub keep: bool,
    /// An existing server (https://host) in place of the reference one.
    #[arg(long, requires = "email", requires = "password_file")]
    pub cloud: Option<String>,
    /// That server's private certificate authority, PEM.
    #[arg(long, requires = "cloud")]
    pub ca: Option<PathBuf>,
    /// The e-mail address of the person on tablet 1, and on tablet 2 unless --email2 is given.
    #[arg(long, requires = "cloud")]
    pub email: Option<String>,
    /// A file that holds the password.
    #[arg(long, requires = "cloud")]
    pub password_file: Option<PathBuf>,
    /// The person on tablet 2.
    #[arg(long, requires = "cloud", requires = "password_file2")]
    pub email2: Option<String>,
    /// A file that holds that person's password.
    #[arg(long, requires = "email2")]
    pub password_file2: Option<PathBuf>,
    /// The folder of amana-tablet and amana-peer. Default: this program's own.
    #[arg(long, env = "AMANA_PROGRAMS", hide_env_values = true)]
    pub programs: Option<PathBuf>,
}

impl Arguments {
    /// Patients in all.
    pub fn patients(&self) -> u32 {
        self.patients.unwrap_or(self.scene.patients())
    }
}
