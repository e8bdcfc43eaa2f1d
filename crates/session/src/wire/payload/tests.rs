use super::*;
use crate::wire::FrameKind;

#[test]
fn a_handshake_is_read_as_the_agent_writes_it() {
    // As amazon-ssm-agent 3.3 wrote it.
    let sent = br#"{"AgentVersion":"3.3.0.0","RequestedClientActions":[{"ActionType":"KMSEncryption","ActionParameters":
        {"KMSKeyId":"k"}},{"ActionType":"SessionType","ActionParameters":{"SessionType":"Port","Properties":{"portNumber":"80"}}}]}"#;
    let read = HandshakeRequest::decode(sent).unwrap();
    assert_eq!((read.agent_version.as_str(), read.session_type.as_deref()), ("3.3.0.0", Some("Port")));
    assert_eq!((read.properties, read.others), (json!({"portNumber": "80"}), vec!["KMSEncryption".to_owned()]));
}

#[test]
fn both_halves_of_a_handshake_come_back() {
    let request = HandshakeRequest {
        agent_version: "3.3.0.0".into(),
        session_type: Some("InteractiveCommands".into()),
        properties: json!({"a": 1}),
        others: vec![],
    };
    assert_eq!(HandshakeRequest::decode(&request.encode()), Some(request));
    let actions = vec![("SessionType".into(), ActionStatus::Success), ("KMS".into(), ActionStatus::Unsupported)];
    let response = HandshakeResponse { client_version: "1.2.0".into(), actions };
    assert_eq!(HandshakeResponse::decode(&response.encode()), Some(response));
}

#[test]
fn an_opening_is_read_whoever_wrote_it() {
    let read = |text: &str| Opening::decode(text).map(|opening| opening.token);
    assert_eq!(read(r#"{"MessageSchemaVersion":1,"TokenValue":"t","ClientId":"c"}"#).as_deref(), Some("t"));
    assert_eq!(read(r#"{"tokenvalue":"t"}"#).as_deref(), Some("t"));
    assert_eq!(read(r#"{"TokenValue":5}"#), None);
    assert_eq!(read("nonsense"), None);
    let opening = Opening { token: "secret".into(), client_id: "c".into(), client_version: "1".into() };
    assert_eq!(Opening::decode(&opening.encode(&[7; 16])), Some(opening.clone()));
    assert!(!format!("{opening:?}").contains("secret"));
}

#[test]
fn an_acknowledgement_names_what_arrived() {
    let frame = Frame {
        kind: FrameKind::Output,
        created: 1,
        sequence: 12,
        flags: 0,
        id: [1; 16],
        payload_type: 1,
        payload: Bytes::new(),
    };
    let payload = acknowledgement(&frame, true);
    assert_eq!(acknowledged(&payload), Some(12));
    let text = std::str::from_utf8(&payload).unwrap();
    assert!(text.contains(r#""AcknowledgedMessageType":"output_stream_data""#), "{text}");
    assert!(text.contains("01010101-0101-0101-0101-010101010101"), "{text}");
}

#[test]
fn the_smaller_documents_come_back() {
    let size = Size { cols: 101, rows: 33 };
    assert_eq!(&size.encode()[..], br#"{"cols":101,"rows":33}"#);
    assert_eq!(Size::decode(&size.encode()), Some(size));
    for flag in [Flag::DisconnectToPort, Flag::TerminateSession, Flag::ConnectToPortError] {
        assert_eq!(Flag::decode(&flag.encode()), Some(flag));
    }
    assert_eq!(Flag::decode(b"\0\0\0\x09"), None);
    assert_eq!(closing_words(&channel_closed("s", &[0; 16], 5, "because")), "because");
    assert_eq!(exit_code(b"EXIT_CODE: 42"), Some(42));
    assert_eq!(customer_message(&handshake_complete(5)), "");
}

#[test]
fn versions_are_compared_by_number() {
    let at_least = |version| is_version_at_least(version, &[3, 0, 196, 0]);
    assert!(at_least("3.0.196.0") && at_least("3.0.196") && at_least("3.3.0.0") && at_least("4"));
    assert!(!at_least("3.0.195.9") && !at_least("2.9.999") && !at_least(""));
}
