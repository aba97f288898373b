use serde_json::Value;

use super::*;

fn vectors() -> Value {
    serde_json::from_str(include_str!("vectors.json")).unwrap()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap()
}

fn hex<const N: usize>(text: &str) -> [u8; N] {
    let bytes: Vec<u8> = (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect();
    bytes.try_into().unwrap()
}

#[test]
fn keys_and_envelopes_are_those_of_the_vectors() {
    let vectors = vectors();
    let sessions = vectors["sessions"].as_array().unwrap();
    assert_eq!(sessions.len(), 4, "the file is whole");
    for session in sessions {
        let hub = hex::<32>(text(session, "hub_private_hex"));
        let client = hex::<32>(text(session, "client_private_hex"));
        let (hub_public, client_public) = (public_key(&hub), public_key(&client));
        assert_eq!(key_text(&hub_public), text(session, "hub_public_b64url"));
        assert_eq!(
            read_key(text(session, "client_public_b64url")),
            Some(client_public)
        );
        let key = session_key(&hub, &client_public, &hub_public, &client_public);
        let expected = hex::<32>(text(session, "session_key_hex"));
        assert_eq!(key, Some(expected));
        assert_eq!(
            session_key(&client, &hub_public, &hub_public, &client_public),
            key
        );
        assert_eq!(
            session_key(&client, &hub_public, &client_public, &hub_public),
            Some(hex::<32>(text(session, "swapped_info_key_hex")))
        );
        for envelope in session["envelopes"].as_array().unwrap() {
            let aad = text(envelope, "aad");
            let plain = text(envelope, "plaintext_utf8").as_bytes();
            let payload = text(envelope, "payload");
            let nonce = hex::<12>(text(envelope, "nonce_hex"));
            assert_eq!(seal(&expected, aad, &nonce, plain), payload);
            assert_eq!(open(&expected, aad, payload).unwrap(), plain);
            let other = if aad == "query" { "command" } else { "query" };
            assert_eq!(open(&expected, other, payload), None);
        }
    }
}

#[test]
fn altered_short_and_padded_envelopes_are_refused() {
    for case in vectors()["refused"].as_array().unwrap() {
        let key = hex::<32>(text(case, "session_key_hex"));
        let opened = open(&key, text(case, "aad"), text(case, "payload"));
        assert_eq!(opened, None, "{}", text(case, "why"));
    }
}

#[test]
fn a_key_of_zeros_agrees_on_nothing() {
    let private = [7; 32];
    let public = public_key(&private);
    assert_eq!(session_key(&private, &[0; 32], &[0; 32], &public), None);
    assert_eq!(read_key(&key_text(&public)[..42]), None);
}
