//! Who works at the clinic: four people, each with a tablet.

/// One person and the tablet of the same number.
pub struct Colleague {
    /// From 1.
    pub number: usize,
    /// What the person does.
    pub role: &'static str,
    /// The e-mail address.
    pub email: &'static str,
    /// The password; a word that is nowhere else.
    pub password: &'static str,
    /// The server's word for the role.
    pub server_role: &'static str,
}

/// Registers patients and corrects what is known of them.
pub const RECEPTION: usize = 1;
/// Takes vital signs.
pub const NURSE: usize = 2;
/// Examines, diagnoses and prescribes.
pub const DOCTOR: usize = 3;
/// Hands medicines out.
pub const PHARMACY: usize = 4;

/// All four, in the order in which a patient meets them.
pub const COLLEAGUES: [Colleague; 4] = [
    Colleague {
        number: RECEPTION,
        role: "reception",
        email: "rima@clinic-a.example",
        password: "Quince-Lantern-31",
        server_role: "provider",
    },
    Colleague {
        number: NURSE,
        role: "nurse",
        email: "nabil@clinic-a.example",
        password: "Thistle-Harbour-52",
        server_role: "provider",
    },
    Colleague {
        number: DOCTOR,
        role: "doctor",
        email: "dalal@clinic-a.example",
        password: "Juniper-Compass-73",
        server_role: "provider",
    },
    Colleague {
        number: PHARMACY,
        role: "pharmacy",
        email: "fares@clinic-a.example",
        password: "Saffron-Anchor-94",
        server_role: "provider",
    },
];
