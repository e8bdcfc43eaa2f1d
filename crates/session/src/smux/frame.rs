//! smux, version 1: eight bytes of header, little-endian, and at most 65,535 of data. Pure.
//!
//! As xtaci/smux writes it, which is what agents and plugins forward ports with.

use bytes::{Buf, BufMut, Bytes, BytesMut};

const VERSION: u8 = 1;
const HEADER: usize = 8;
/// Most data in one frame, in bytes; what xtaci's default is.
pub(super) const LARGEST: usize = 32_768;

/// What a frame says of its stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Command {
    /// A new stream.
    Syn,
    /// Nothing more comes on this stream.
    Fin,
    /// Data.
    Push,
    /// Keeps the session alive.
    Nop,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) command: Command,
    pub(super) stream: u32,
    pub(super) data: Bytes,
}

/// The bytes are not smux.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a smux frame: version {version}, command {command}")]
pub(super) struct NotSmux {
    version: u8,
    command: u8,
}

impl Frame {
    pub(super) fn new(command: Command, stream: u32, data: Bytes) -> Self {
        Self { command, stream, data }
    }

    /// Writes the frame behind what is in `out`.
    pub(super) fn encode(&self, out: &mut BytesMut) {
        out.put_u8(VERSION);
        out.put_u8(match self.command {
            Command::Syn => 0,
            Command::Fin => 1,
            Command::Push => 2,
            Command::Nop => 3,
        });
        out.put_u16_le(u16::try_from(self.data.len()).expect("data is cut into frames"));
        out.put_u32_le(self.stream);
        out.put_slice(&self.data);
    }

    /// Takes the first whole frame out of `buffer`.
    pub(super) fn decode(buffer: &mut BytesMut) -> Result<Option<Self>, NotSmux> {
        let Some(header) = buffer.first_chunk::<HEADER>() else { return Ok(None) };
        let [version, command, low, high, stream @ ..] = *header;
        let kind = match (version, command) {
            (VERSION, 0) => Command::Syn,
            (VERSION, 1) => Command::Fin,
            (VERSION, 2) => Command::Push,
            (VERSION, 3) => Command::Nop,
            _ => return Err(NotSmux { version, command }),
        };
        let length = usize::from(u16::from_le_bytes([low, high]));
        if buffer.len() < HEADER + length {
            return Ok(None);
        }
        buffer.advance(HEADER);
        let data = buffer.split_to(length).freeze();
        Ok(Some(Self { command: kind, stream: u32::from_le_bytes(stream), data }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_laid_out_as_xtaci_does() {
        let mut out = BytesMut::new();
        Frame::new(Command::Push, 3, Bytes::from_static(b"hi")).encode(&mut out);
        assert_eq!(&out[..], b"\x01\x02\x02\x00\x03\x00\x00\x00hi");
    }

    #[test]
    fn frames_are_read_however_they_were_cut() {
        let frames = [
            Frame::new(Command::Syn, 3, Bytes::new()),
            Frame::new(Command::Push, 3, vec![7; LARGEST].into()),
            Frame::new(Command::Nop, 0, Bytes::new()),
            Frame::new(Command::Fin, 3, Bytes::new()),
        ];
        let mut sent = BytesMut::new();
        frames.iter().for_each(|frame| frame.encode(&mut sent));
        for cut in [1, 7, 8, 1024, sent.len()] {
            let (mut buffer, mut read) = (BytesMut::new(), Vec::new());
            for piece in sent.chunks(cut) {
                buffer.extend_from_slice(piece);
                while let Some(frame) = Frame::decode(&mut buffer).unwrap() {
                    read.push(frame);
                }
            }
            assert_eq!(read, frames, "cut into {cut}");
        }
    }

    #[test]
    fn other_bytes_are_refused() {
        assert!(Frame::decode(&mut BytesMut::from(&b"GET / HTTP/1.1"[..])).is_err());
        assert!(Frame::decode(&mut BytesMut::from(&b"\x01\x04\0\0\0\0\0\0"[..])).is_err());
    }
}
