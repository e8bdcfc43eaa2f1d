//! Reads the few messages of LDAP that are answered, and writes the one answer. Pure.
//!
//! BER as RFC 4511, section 5.1, has it: definite lengths only.

/// Longer messages are none of PostgreSQL's.
pub(super) const LONGEST: usize = 16 * 1024;

pub(super) const SUCCESS: u8 = 0;
pub(super) const AUTH_METHOD_NOT_SUPPORTED: u8 = 7;
pub(super) const INVALID_CREDENTIALS: u8 = 49;

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;
const ENUMERATED: u8 = 0x0a;
const BIND: u8 = 0x60;
const BOUND: u8 = 0x61;
const UNBIND: u8 = 0x42;
const SIMPLE: u8 = 0x80;

/// What a client asks.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Asked<'b> {
    Bind { id: u32, user: &'b str, password: &'b str },
    Unbind,
    Other { id: u32 },
}

/// What bytes are.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Read<'b> {
    /// A message, and its length.
    Whole(Asked<'b>, usize),
    /// The beginning of one.
    More,
    /// No message.
    Wrong,
}

pub(super) fn read(bytes: &[u8]) -> Read<'_> {
    match element(bytes) {
        Ok((SEQUENCE, inside, rest)) => match asked(inside) {
            Some(asked) => Read::Whole(asked, bytes.len() - rest.len()),
            None => Read::Wrong,
        },
        Err(Short) if bytes.first().is_none_or(|tag| *tag == SEQUENCE) && !is_too_long(bytes) => Read::More,
        _ => Read::Wrong,
    }
}

fn asked(inside: &[u8]) -> Option<Asked<'_>> {
    let (INTEGER, id, rest) = element(inside).ok()? else { return None };
    let id = unsigned(id)?;
    let (operation, content, _controls) = element(rest).ok()?;
    match operation {
        UNBIND => Some(Asked::Unbind),
        BIND => Some(bind(content, id).unwrap_or(Asked::Other { id })),
        _ => Some(Asked::Other { id }),
    }
}

fn bind(content: &[u8], id: u32) -> Option<Asked<'_>> {
    let (INTEGER, [3], rest) = element(content).ok()? else { return None };
    let (OCTETS, user, rest) = element(rest).ok()? else { return None };
    let (SIMPLE, password, []) = element(rest).ok()? else { return None };
    Some(Asked::Bind { id, user: std::str::from_utf8(user).ok()?, password: std::str::from_utf8(password).ok()? })
}

fn unsigned(bytes: &[u8]) -> Option<u32> {
    if bytes.is_empty() || bytes.len() > 4 || bytes[0] & 0x80 != 0 {
        return None;
    }
    Some(bytes.iter().fold(0, |number, byte| number << 8 | u32::from(*byte)))
}

/// There are fewer bytes than the element has, or its length is in no form that is read.
struct Short;

/// Returns the first element's tag and content, and what comes after it.
fn element(bytes: &[u8]) -> Result<(u8, &[u8], &[u8]), Short> {
    let (tag, rest) = bytes.split_first().ok_or(Short)?;
    let (size, rest) = length(rest).ok_or(Short)?;
    (rest.len() >= size).then(|| rest.split_at(size)).map(|(content, rest)| (*tag, content, rest)).ok_or(Short)
}

fn length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (first, rest) = bytes.split_first()?;
    if *first < 0x80 {
        return Some((usize::from(*first), rest));
    }
    let count = usize::from(first & 0x7f);
    if count == 0 || count > 4 || rest.len() < count {
        return None;
    }
    let (size, rest) = rest.split_at(count);
    Some((size.iter().fold(0, |number, byte| number << 8 | usize::from(*byte)), rest))
}

fn is_too_long(bytes: &[u8]) -> bool {
    let Some(first) = bytes.get(1) else { return false };
    let is_odd = *first == 0x80 || *first > 0x84;
    is_odd || length(&bytes[1..]).is_some_and(|(size, _)| size > LONGEST - 6)
}

/// Writes the answer to a bind: BindResponse.
pub(super) fn bound(id: u32, code: u8, words: &str) -> Vec<u8> {
    let mut number = id.to_be_bytes().to_vec();
    while number.len() > 1 && number[0] == 0 && number[1] & 0x80 == 0 {
        number.remove(0);
    }
    let result = [written(ENUMERATED, &[code]), written(OCTETS, b""), written(OCTETS, words.as_bytes())].concat();
    written(SEQUENCE, &[written(INTEGER, &number), written(BOUND, &result)].concat())
}

fn written(tag: u8, content: &[u8]) -> Vec<u8> {
    let size = u32::try_from(content.len()).unwrap_or(u32::MAX).to_be_bytes();
    let head = match content.len() {
        short @ 0..0x80 => vec![tag, u8::try_from(short).unwrap_or_default()],
        _ => [&[tag, 0x84][..], &size].concat(),
    };
    [head, content.to_vec()].concat()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The question of a client.
    pub(in super::super) fn bind(id: u8, user: &str, password: &str) -> Vec<u8> {
        let content =
            [written(INTEGER, &[3]), written(OCTETS, user.as_bytes()), written(SIMPLE, password.as_bytes())].concat();
        written(SEQUENCE, &[written(INTEGER, &[id]), written(BIND, &content)].concat())
    }

    /// The code of an answer.
    pub(in super::super) fn code(answer: &[u8]) -> u8 {
        let at = answer.windows(2).position(|window| window == [ENUMERATED, 1]).expect("an answer");
        answer[at + 2]
    }

    #[test]
    fn a_long_password_is_read_and_a_number_is_written_back() {
        let password = "x".repeat(3000);
        let bytes = bind(9, "shop", &password);
        let asked = Asked::Bind { id: 9, user: "shop", password: &password };
        assert_eq!(read(&bytes), Read::Whole(asked, bytes.len()));
        assert_eq!(read(&bytes[..100]), Read::More);
        assert_eq!(bound(0x1234, 0, "")[..6], [0x30, 0x0d, 0x02, 0x02, 0x12, 0x34]);
        assert_eq!(bound(0x80, 0, "")[2..6], [0x02, 0x02, 0x00, 0x80], "a number is not negative");
    }

    #[test]
    fn what_is_no_message_is_refused_before_more_is_read() {
        for wrong in [
            &[0x31, 0x00][..],
            &[0x30, 0x80],
            &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff],
            &[0x30, 0x88, 0, 0],
            b"GET / HTTP",
        ] {
            assert_eq!(read(wrong), Read::Wrong, "{wrong:x?}");
        }
    }
}
