//! Answers PostgreSQL's question whether a password is right, as far as it is one of IAM's tokens: LDAP's simple bind
//! (RFC 4511), and nothing else of LDAP.
//!
//! PostgreSQL knows no tokens, but asks an LDAP server about passwords of the users for whom `pg_hba.conf` says so. It
//! connects, binds as the user with the password, and hangs up.

mod message;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use message::{Asked, LONGEST, Read};

/// Says whether a password opens a user's door, of the database whose server asks from an address. The refusal is told
/// to that server, which writes it to its log; it must have nothing of the password in it.
pub type Judge = Arc<dyn Fn(IpAddr, &str, &str) -> Result<(), String> + Send + Sync>;

/// How long a server has for its question.
const PATIENCE: Duration = Duration::from_secs(10);
/// Servers that are answered at the same time; more wait.
const MOST: usize = 128;

/// Answers for as long as the process lives.
pub fn serve(listener: TcpListener, judge: Judge) -> tokio::task::JoinHandle<()> {
    let places = Arc::new(Semaphore::new(MOST));
    tokio::spawn(async move {
        loop {
            let Ok(place) = places.clone().acquire_owned().await else { return };
            let (stream, peer) = match listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "could not accept a question about a database's password");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            };
            let judge = judge.clone();
            tokio::spawn(async move {
                // A server that hangs up, or says nothing, is no news.
                let _ = tokio::time::timeout(PATIENCE, answer(stream, peer.ip(), &judge)).await;
                drop(place);
            });
        }
    })
}

/// Answers one connection until it ends, or says what cannot be read.
async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin, from: IpAddr, judge: &Judge) -> std::io::Result<()> {
    let mut bytes = Vec::new();
    loop {
        let (asked, used) = match message::read(&bytes) {
            Read::Whole(asked, used) => (asked, used),
            Read::More if bytes.len() < LONGEST => {
                let mut next = [0; 2048];
                match stream.read(&mut next).await? {
                    0 => return Ok(()),
                    size => bytes.extend_from_slice(&next[..size]),
                }
                continue;
            }
            Read::More | Read::Wrong => return Ok(()),
        };
        match asked {
            Asked::Bind { id, user, password } => {
                let verdict = judge(from, user, password);
                let (code, words) = match &verdict {
                    Ok(()) => (message::SUCCESS, ""),
                    Err(why) => {
                        tracing::info!(%from, user, why, "refused a token");
                        (message::INVALID_CREDENTIALS, why.as_str())
                    }
                };
                stream.write_all(&message::bound(id, code, words)).await?;
            }
            Asked::Unbind => return Ok(()),
            Asked::Other { id } => {
                let words = "only simple binds of LDAP 3 are answered here";
                stream.write_all(&message::bound(id, message::AUTH_METHOD_NOT_SUPPORTED, words)).await?;
                return Ok(());
            }
        }
        bytes.drain(..used);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    async fn exchange(sent: &[u8]) -> Vec<u8> {
        let judge: Judge =
            Arc::new(
                |_, user, password| {
                    if (user, password) == ("shop", "token") { Ok(()) } else { Err("another".to_owned()) }
                },
            );
        let (mut here, there) = tokio::io::duplex(64);
        let sent = sent.to_vec();
        let client = tokio::spawn(async move {
            let (mut read, mut write) = tokio::io::split(&mut here);
            let mut heard = Vec::new();
            let send = async {
                // Byte by byte: a message may come in pieces.
                for byte in sent {
                    if write.write_all(&[byte]).await.is_err() {
                        break;
                    }
                }
                let _ = write.shutdown().await;
            };
            let hear = async {
                let _ = read.read_to_end(&mut heard).await;
            };
            tokio::join!(send, hear);
            heard
        });
        answer(there, IpAddr::from([127, 0, 0, 1]), &judge).await.ok();
        client.await.unwrap()
    }

    #[tokio::test]
    async fn the_right_password_is_told_from_others_and_an_empty_one_is_none() {
        for (user, password, code) in
            [("shop", "token", 0), ("shop", "other", 49), ("root", "token", 49), ("shop", "", 49)]
        {
            let heard = exchange(&message::tests::bind(1, user, password)).await;
            assert_eq!(message::tests::code(&heard), code, "{user} {password} {heard:x?}");
        }
    }

    #[tokio::test]
    async fn whatever_else_is_asked_is_refused_and_ends() {
        // A search, [APPLICATION 3]; SASL; LDAP 2.
        for other in [
            vec![0x30, 0x05, 0x02, 0x01, 0x07, 0x63, 0x00],
            vec![0x30, 0x0c, 0x02, 0x01, 0x07, 0x60, 0x07, 0x02, 0x01, 0x03, 0x04, 0x00, 0xa3, 0x00],
            vec![0x30, 0x0c, 0x02, 0x01, 0x07, 0x60, 0x07, 0x02, 0x01, 0x02, 0x04, 0x00, 0x80, 0x00],
        ] {
            assert_eq!(message::tests::code(&exchange(&other).await), 7, "{other:x?}");
        }
    }

    proptest! {
        /// No bytes break it, and none but the right question open the door.
        #[test]
        fn hostile_bytes_open_nothing(mut bytes in prop::collection::vec(any::<u8>(), 0..200), at in 0_usize..40, flip in 1_u8..) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let is_open = |heard: &[u8]| heard.windows(3).any(|window| window == [0x0a, 0x01, 0x00]);
            prop_assert!(!is_open(&runtime.block_on(exchange(&bytes))));
            let mut changed = message::tests::bind(1, "shop", "wrong");
            let place = at % changed.len();
            changed[place] ^= flip;
            prop_assert!(!is_open(&runtime.block_on(exchange(&changed))));
            bytes.splice(0..0, [0x30, 0x84, 0xff, 0xff, 0xff, 0xff]);
            prop_assert!(runtime.block_on(exchange(&bytes)).is_empty(), "a length that is a lie reserves nothing");
        }
    }
}
