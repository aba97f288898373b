//! With whom a device pairs, as far as that is decided without a hub.

use super::*;
use crate::cancel::CancelToken;
use crate::model::ids::{PeerId, PeerKind};

const CODE: &str = r#"{"type":"sync_hub","id":"second","url":"http://127.0.0.1:9",
    "pk":"hSDwCYkwp1R0i33ctD73Wg2_Og0mOBr066SpjqqbTmo"}"#;
const ONLY_ONE: &str = "a hub is paired whose word is the last: forget it first";

/// Pairs with a hub while another one may be known, and tells why not.
fn refusal(last_word: PeerKind, known: bool) -> &'static str {
    let tablet = Tablet::new();
    let mut config = tablet.config("clinic");
    config.sync.last_word = last_word;
    let vault = Amana::open(config, tablet.phone.clone(), tablet.system()).unwrap();
    if known {
        let first = PeerId::hub("first").unwrap();
        let open = vault.opened().unwrap();
        let paired = open.database.pair(first, "First".into(), "{}".into());
        paired.wait().unwrap();
    }
    let refused = block_on(vault.pair_hub(CODE, CancelToken::new()));
    refused.unwrap_err().detail()
}

#[test]
fn where_a_hub_has_the_last_word_there_is_no_second_one() {
    assert_eq!(refusal(PeerKind::Hub, true), ONLY_ONE);
    for (last_word, known) in [(PeerKind::Hub, false), (PeerKind::Cloud, true)] {
        assert_ne!(refusal(last_word, known), ONLY_ONE);
    }
}
