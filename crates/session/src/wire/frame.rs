//! A ClientMessage: 120 bytes of header, all big-endian, and a payload.

use bytes::{BufMut, Bytes, BytesMut};
use sha2::{Digest, Sha256};

/// Bytes before the payload's length.
const HEADER: usize = 116;
/// Bytes before the payload.
const START: usize = HEADER + 4;
const SCHEMA: u32 = 1;

/// What a frame is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FrameKind {
    /// From the user's end to the container's.
    Input,
    /// From the container's end to the user's.
    Output,
    /// Says that a message of the stream arrived.
    Acknowledge,
    /// The session is over.
    ChannelClosed,
    /// Go on sending.
    StartPublication,
    /// Send nothing for now.
    PausePublication,
    /// One that we do not know.
    Other(String),
}

impl FrameKind {
    /// Returns the name on the wire.
    pub fn name(&self) -> &str {
        match self {
            Self::Input => "input_stream_data",
            Self::Output => "output_stream_data",
            Self::Acknowledge => "acknowledge",
            Self::ChannelClosed => "channel_closed",
            Self::StartPublication => "start_publication",
            Self::PausePublication => "pause_publication",
            Self::Other(name) => name,
        }
    }

    fn of(name: &str) -> Self {
        match name {
            "input_stream_data" => Self::Input,
            "output_stream_data" => Self::Output,
            "acknowledge" => Self::Acknowledge,
            "channel_closed" => Self::ChannelClosed,
            "start_publication" => Self::StartPublication,
            "pause_publication" => Self::PausePublication,
            other => Self::Other(other.to_owned()),
        }
    }
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// What it is.
    pub kind: FrameKind,
    /// When it was made, in milliseconds since the epoch; real ends reject 0.
    pub created: u64,
    /// Place in its direction's stream, from 0; 0 for what is not of the stream.
    pub sequence: i64,
    /// Bit 0 SYN, bit 1 FIN. They are never checked.
    pub flags: u64,
    /// UUID.
    pub id: [u8; 16],
    /// What the payload is; see [`super::payload::kind`]. 0 for what is not of the stream.
    pub payload_type: u32,
    /// What it carries.
    pub payload: Bytes,
}

/// Why bytes are no frame.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Too short for a header or for what the header promises.
    #[error("frame of {length} bytes ends before its {part}")]
    Short {
        /// Length of what came.
        length: usize,
        /// What is missing.
        part: &'static str,
    },
    /// The header's length cannot be.
    #[error("frame says that its header has {0} bytes")]
    Header(u32),
    /// The payload is not what was sent.
    #[error("payload of frame {0} does not match its digest")]
    Digest(i64),
}

impl Frame {
    /// Returns the frame as it goes over the wire.
    pub fn encode(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(START + self.payload.len());
        out.put_u32(HEADER as u32);
        let name = self.kind.name().as_bytes();
        let kept = &name[..name.len().min(32)];
        out.put_slice(kept);
        out.put_bytes(b' ', 32 - kept.len());
        out.put_u32(SCHEMA);
        out.put_u64(self.created);
        out.put_i64(self.sequence);
        out.put_u64(self.flags);
        // The halves are swapped, as Java's UUID writes them.
        out.put_slice(&self.id[8..]);
        out.put_slice(&self.id[..8]);
        out.put_slice(&Sha256::digest(&self.payload));
        out.put_u32(self.payload_type);
        out.put_u32(u32::try_from(self.payload.len()).expect("payloads stay far below 4 GiB"));
        out.put_slice(&self.payload);
        out.freeze()
    }

    /// Reads a frame. Real agents do not check the digest; we do wherever there is a payload, as the plugin does.
    ///
    /// # Errors
    /// See [`FrameError`]. Whatever the bytes are, nothing is allocated for what they only promise.
    pub fn decode(bytes: &Bytes) -> Result<Self, FrameError> {
        let short = |part| FrameError::Short { length: bytes.len(), part };
        let field = |at: usize, length: usize| bytes.get(at..at + length);
        let u32_at = |at| field(at, 4).map(|b| u32::from_be_bytes(b.try_into().expect("four bytes")));
        let u64_at = |at| field(at, 8).map(|b| u64::from_be_bytes(b.try_into().expect("eight bytes")));
        let header = u32_at(0).ok_or_else(|| short("header"))?;
        // Later versions may add fields before the payload's length, which is why it says so.
        if !(HEADER as u32..=4096).contains(&header) {
            return Err(FrameError::Header(header));
        }
        let end = header as usize;
        let length = u32_at(end).ok_or_else(|| short("header"))? as usize;
        if bytes.len() - (end + 4) < length {
            return Err(short("payload"));
        }
        let payload = bytes.slice(end + 4..end + 4 + length);
        let name = String::from_utf8_lossy(field(4, 32).ok_or_else(|| short("header"))?);
        let halves = field(64, 16).ok_or_else(|| short("header"))?;
        let mut id = [0; 16];
        id[8..].copy_from_slice(&halves[..8]);
        id[..8].copy_from_slice(&halves[8..]);
        let sequence = u64_at(48).ok_or_else(|| short("header"))?.cast_signed();
        let digest = field(80, 32).ok_or_else(|| short("header"))?;
        if !payload.is_empty() && digest != &Sha256::digest(&payload)[..] {
            return Err(FrameError::Digest(sequence));
        }
        Ok(Self {
            kind: FrameKind::of(name.trim_matches(|c: char| c == '\0' || c == ' ')),
            created: u64_at(40).ok_or_else(|| short("header"))?,
            sequence,
            flags: u64_at(56).ok_or_else(|| short("header"))?,
            id,
            payload_type: u32_at(112).ok_or_else(|| short("header"))?,
            payload,
        })
    }
}

/// Writes a UUID as text.
pub fn uuid_text(id: &[u8; 16]) -> String {
    let hex: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame() -> Frame {
        Frame {
            kind: FrameKind::Input,
            created: 0x0102_0304_0506_0708,
            sequence: 3,
            flags: 1,
            id: *b"\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff",
            payload_type: 1,
            payload: Bytes::from_static(b"ls"),
        }
    }

    #[test]
    fn a_frame_is_laid_out_as_the_agents_read_it() {
        let bytes = frame().encode();
        assert_eq!(bytes.len(), 122);
        assert_eq!(&bytes[..4], [0, 0, 0, 116]);
        assert_eq!(&bytes[4..36], b"input_stream_data               ");
        assert_eq!(&bytes[36..40], [0, 0, 0, 1]);
        assert_eq!(&bytes[40..48], [1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(&bytes[48..64], [0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!(&bytes[64..80], b"\x88\x99\xaa\xbb\xcc\xdd\xee\xff\x00\x11\x22\x33\x44\x55\x66\x77");
        assert_eq!(&bytes[80..112], &Sha256::digest(b"ls")[..]);
        assert_eq!(&bytes[112..], b"\0\0\0\x01\0\0\0\x02ls");
    }

    #[test]
    fn a_longer_header_and_padding_with_zeros_are_read_too() {
        let mut bytes = frame().encode().to_vec();
        bytes[4..36].fill(0);
        bytes[4..15].copy_from_slice(b"acknowledge");
        bytes.splice(116..116, [9; 8]);
        bytes[3] = 124;
        let read = Frame::decode(&bytes.into()).unwrap();
        assert_eq!((read.kind, &read.payload[..]), (FrameKind::Acknowledge, &b"ls"[..]));
    }

    #[test]
    fn a_payload_that_was_changed_is_refused() {
        let mut bytes = frame().encode().to_vec();
        bytes[120] ^= 1;
        assert_eq!(Frame::decode(&bytes.into()), Err(FrameError::Digest(3)));
    }

    #[test]
    fn a_frame_that_promises_more_than_it_has_is_refused() {
        let mut bytes = frame().encode().to_vec();
        bytes[116..120].copy_from_slice(&u32::MAX.to_be_bytes());
        assert!(matches!(Frame::decode(&bytes.into()), Err(FrameError::Short { part: "payload", .. })));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(sequence: i64, flags: u64, id: [u8; 16], payload_type: u32, payload: Vec<u8>) {
            let sent = Frame { sequence, flags, id, payload_type, payload: payload.into(), ..frame() };
            prop_assert_eq!(Frame::decode(&sent.encode()), Ok(sent));
        }

        #[test]
        fn no_bytes_are_a_surprise(mut bytes: Vec<u8>, header in 110_u32..200) {
            if bytes.len() > 4 {
                bytes[..4].copy_from_slice(&header.to_be_bytes());
            }
            let _ = Frame::decode(&bytes.into());
        }
    }
}
