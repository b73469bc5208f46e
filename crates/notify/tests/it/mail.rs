//! Mail, against a small SMTP server.

use crate::{
    Working, add, all_arrived, channel, only, quick,
    world::{LOCAL, World, block},
};
use devproof_api::alerts::AlertKind;
use devproof_notify::{ChannelKind, Given};
use std::sync::{Arc, Mutex};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
};

/// A message and whom it was for.
#[derive(Clone, Debug, Default)]
struct Message {
    from: String,
    to: Vec<String>,
    text: String,
}

/// A server that refuses the first `refusals` messages for now.
async fn server(refusals: usize) -> (String, Arc<Mutex<Vec<Message>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("smtp://{}", listener.local_addr().unwrap());
    let box_ = Arc::new(Mutex::new(Vec::new()));
    let held = box_.clone();
    tokio::spawn(async move {
        let mut left = refusals;
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let refuses = left > 0;
            left = left.saturating_sub(1);
            tokio::spawn(speak(stream, refuses, held.clone()));
        }
    });
    (url, box_)
}

/// RFC 5321, as much of it as one message needs.
async fn speak(stream: TcpStream, refuses: bool, held: Arc<Mutex<Vec<Message>>>) -> Option<()> {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    let mut message = Message::default();
    write.write_all(b"220 test ESMTP\r\n").await.ok()?;
    while let Some(line) = lines.next_line().await.ok()? {
        let verb = line.to_ascii_uppercase();
        let answer = if verb.starts_with("EHLO") {
            "250-test\r\n250 8BITMIME\r\n"
        } else if verb.starts_with("MAIL FROM:") && refuses {
            "451 later\r\n"
        } else if verb.starts_with("MAIL FROM:") {
            message.from = line[10..].to_owned();
            "250 ok\r\n"
        } else if verb.starts_with("RCPT TO:") {
            message.to.push(line[8..].to_owned());
            "250 ok\r\n"
        } else if verb == "DATA" {
            write.write_all(b"354 go on\r\n").await.ok()?;
            while let Some(line) = lines.next_line().await.ok()? {
                if line == "." {
                    break;
                }
                message.text.push_str(line.strip_prefix('.').unwrap_or(&line));
                message.text.push('\n');
            }
            held.lock().unwrap().push(std::mem::take(&mut message));
            "250 ok\r\n"
        } else if verb == "QUIT" {
            let _ = write.write_all(b"221 bye\r\n").await;
            return None;
        } else {
            "250 ok\r\n"
        };
        write.write_all(answer.as_bytes()).await.ok()?;
    }
    None
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_letter_arrives_as_mail_once_the_server_takes_it() {
    let mut world = World::empty(LOCAL).await;
    world.tell();
    world.commit(None, 19).await;
    let (url, held) = server(2).await;
    let given = Given {
        target: "Alice <alice@example.org>".to_owned(),
        server: Some(url),
        from: Some("devproof@example.org".to_owned()),
        ..Given::default()
    };
    let channel = channel(ChannelKind::Mail, given);
    let id = add(&world.store, only(LOCAL, &[AlertKind::KeyService]), &channel).await.id;
    let options = crate::Options { timeout: std::time::Duration::from_secs(20), ..quick() };
    let working = Working::start(&world.store, options);
    world.commit(Some(block(19)), 40).await;
    all_arrived(&world.store, &id, 35).await;
    working.stop().await;
    let held = held.lock().unwrap().clone();
    assert_eq!(held.len(), 1, "{held:?}");
    let Message { from, to, text } = &held[0];
    assert!(from.starts_with("<devproof@example.org>"), "{from}");
    assert_eq!(to, &["<alice@example.org>"]);
    let (head, body) = text.split_once("\n\n").unwrap();
    assert!(head.contains("Subject: Key service 0x"), "{head}");
    assert!(head.contains("Message-ID: <msg_") && head.contains("@example.org>"), "{head}");
    assert!(body.contains("admits the operating system"), "{body}");
    assert!(body.contains("chain 31337, key_service"), "{body}");
}
