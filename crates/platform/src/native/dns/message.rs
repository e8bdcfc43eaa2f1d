//! What of a DNS message matters to who only passes it on: its header and its question. Pure.

use hickory_proto::op::{Header, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::serialize::binary::{BinDecodable, BinDecoder};

/// A question as it came.
pub(super) struct Question {
    id: u16,
    query: Query,
    wire: Vec<u8>,
}

/// What is to be done with what came.
pub(super) enum Incoming {
    /// It is to be asked.
    Ask(Question),
    /// It is to be answered with this.
    Refuse(Vec<u8>),
    /// It is no question: an answer would only serve who wants others flooded.
    Ignore,
}

/// Looks at what a task sent.
pub(super) fn incoming(wire: Vec<u8>) -> Incoming {
    let mut decoder = BinDecoder::new(&wire);
    let Ok(header) = Header::read(&mut decoder) else { return Incoming::Ignore };
    if header.metadata.message_type != MessageType::Query {
        return Incoming::Ignore;
    }
    let (id, code) = (header.metadata.id, header.metadata.op_code);
    let refuse = |why| Message::error_msg(id, code, why).to_vec().map_or(Incoming::Ignore, Incoming::Refuse);
    if code != OpCode::Query {
        return refuse(ResponseCode::NotImp);
    }
    match (header.counts.queries, Query::read(&mut decoder)) {
        (1, Ok(query)) => Incoming::Ask(Question { id, query, wire }),
        _ => refuse(ResponseCode::FormErr),
    }
}

impl Question {
    /// Returns a question of our own, on behalf of who asked.
    pub(super) fn of(query: Query) -> Option<Self> {
        let mut message = Message::new(0, MessageType::Query, OpCode::Query);
        message.metadata.recursion_desired = true;
        message.add_query(query.clone());
        Some(Self { id: 0, query, wire: message.to_vec().ok()? })
    }

    /// Returns what is asked.
    pub(super) fn query(&self) -> &Query {
        &self.query
    }

    /// Returns the whole message that it came in, if it can be read.
    pub(super) fn message(&self) -> Option<Message> {
        Message::from_vec(&self.wire).ok()
    }

    /// Returns the question with another id.
    pub(super) fn wire(&self, id: u16) -> Vec<u8> {
        with_id(self.wire.clone(), id)
    }

    /// Returns an answer as who asked expects it, or nothing when it does not answer this question asked with this id.
    pub(super) fn answer(&self, id: u16, wire: Vec<u8>) -> Option<Answer> {
        let mut decoder = BinDecoder::new(&wire);
        let header = Header::read(&mut decoder).ok()?;
        let fits = header.metadata.id == id && header.metadata.message_type == MessageType::Response;
        if !fits {
            return None;
        }
        let code = header.metadata.response_code;
        // A server that cannot read the question may answer without it.
        let same = match header.counts.queries {
            0 => code != ResponseCode::NoError,
            1 => Query::read(&mut decoder).is_ok_and(|query| query == self.query),
            _ => false,
        };
        let helps = !matches!(code, ResponseCode::ServFail | ResponseCode::Refused | ResponseCode::NotImp);
        same.then(|| Answer { wire: with_id(wire, self.id), helps })
    }

    /// Returns the answer when no server has one.
    pub(super) fn failed(&self) -> Vec<u8> {
        let mut message = Message::error_msg(self.id, OpCode::Query, ResponseCode::ServFail);
        message.add_query(self.query.clone());
        message.metadata.recursion_available = true;
        message.to_vec().unwrap_or_default()
    }
}

/// What a server said.
pub(super) struct Answer {
    /// With the id of who asked.
    pub(super) wire: Vec<u8>,
    /// Whether it is worth more than what another server might say.
    pub(super) helps: bool,
}

fn with_id(mut wire: Vec<u8>, id: u16) -> Vec<u8> {
    wire[..2].copy_from_slice(&id.to_be_bytes());
    wire
}

#[cfg(test)]
mod tests {
    use super::*;
    use hickory_proto::rr::{Name, RecordType};

    fn asked(name: &str) -> Vec<u8> {
        let mut message = Message::new(7, MessageType::Query, OpCode::Query);
        message.add_query(Query::query(Name::from_ascii(name).unwrap(), RecordType::A));
        message.to_vec().unwrap()
    }

    fn question(name: &str) -> Question {
        match incoming(asked(name)) {
            Incoming::Ask(question) => question,
            _ => panic!("{name} is a question"),
        }
    }

    fn reply(id: u16, name: &str, code: ResponseCode) -> Vec<u8> {
        let mut message = Message::error_msg(id, OpCode::Query, code);
        message.add_query(Query::query(Name::from_ascii(name).unwrap(), RecordType::A));
        message.to_vec().unwrap()
    }

    #[test]
    fn believes_only_the_answer_to_what_it_asked() {
        let question = question("db.example.");
        assert_eq!(question.wire(9)[..2], [0, 9]);
        let answer = question.answer(9, reply(9, "DB.example.", ResponseCode::NoError)).unwrap();
        assert_eq!((&answer.wire[..2], answer.helps), (&[0, 7][..], true));
        assert!(question.answer(9, reply(8, "db.example.", ResponseCode::NoError)).is_none(), "another id");
        assert!(question.answer(9, reply(9, "evil.example.", ResponseCode::NoError)).is_none(), "another name");
        assert!(question.answer(7, question.wire(7)).is_none(), "no answer at all");
        for code in [ResponseCode::ServFail, ResponseCode::Refused] {
            assert!(!question.answer(9, reply(9, "db.example.", code)).unwrap().helps);
        }
        assert!(question.answer(9, reply(9, "db.example.", ResponseCode::NXDomain)).unwrap().helps);
    }

    #[test]
    fn what_is_no_question_is_refused_or_ignored() {
        let said = |wire: Vec<u8>| match incoming(wire) {
            Incoming::Ask(_) => "asked",
            Incoming::Refuse(_) => "refused",
            Incoming::Ignore => "ignored",
        };
        assert_eq!(said(asked("a.b.")), "asked");
        assert_eq!(said(vec![]), "ignored");
        assert_eq!(said(reply(1, "a.", ResponseCode::NoError)), "ignored");
        let whole = asked("a.b.");
        assert_eq!(said(whole[..14].to_vec()), "refused");
        let mut update = whole.clone();
        update[2] |= 5 << 3;
        assert_eq!(said(update), "refused");
        for cut in 0..whole.len() {
            let _ = said(whole[..cut].to_vec());
        }
        assert_eq!(question("a.b.").failed()[3] & 0xf, 2);
    }
}
