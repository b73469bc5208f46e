//! Running apps that say something about themselves, or something else.

use super::{compose, folder, second, told};
use crate::words::same;
use serde_json::{Value, json};
use std::{
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

/// A server that answers each path as it was told to, and remembers what it was asked.
struct Endpoint {
    address: String,
    asked: Arc<Mutex<Vec<String>>>,
}

/// Writes an answer to one path.
type Answer = Box<dyn Fn(&str, &mut TcpStream) + Send>;

fn serve(answer: Answer) -> Endpoint {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&asked);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let request = lines.next().unwrap().unwrap();
            while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
            let path = request.split(' ').nth(1).unwrap().to_owned();
            seen.lock().unwrap().push(path.clone());
            answer(&path, &mut stream);
        }
    });
    Endpoint { address, asked }
}

fn write(stream: &mut TcpStream, status: &str, headers: &str, body: &str) {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n"
    );
    // The other side may have had enough.
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
}

fn info(claimed: &str) -> Value {
    let tcb_info = json!({"app_compose": second(), "compose_hash": claimed, "event_log": []});
    json!({"app_id": "52908400098527886e0f7030069857d2e4169ee7", "app_name": "acme-web", "tcb_info": tcb_info.to_string()})
}

/// The hash of the second version, without `0x`, as dstack writes it.
fn claimed() -> String {
    let hash = told(&folder(), &["hash", "next.json"], 0);
    hash.lines().next().unwrap().trim_start_matches("0x").to_owned()
}

/// What is said about it, with the address taken out.
fn asked(endpoint: &Endpoint, args: &[&str], path: &str) -> (i32, String, String) {
    let url = format!("http://{}{path}", endpoint.address);
    let said = compose(&folder(), &[args, &[&url]].concat());
    let clean = |text: String| text.replace(&endpoint.address, "127.0.0.1:8090");
    (said.code, clean(said.out), clean(said.err))
}

#[test]
fn the_page_and_the_information_say_the_same() {
    let hash = claimed();
    let endpoint = serve(Box::new(move |path, stream| match path {
        "/" => {
            let info = serde_json::to_string_pretty(
                &json!({"app_compose": second(), "compose_hash": hash}),
            )
            .unwrap();
            let escaped = info.replace('&', "&#38;").replace('<', "&#60;").replace('"', "&#34;");
            write(
                stream,
                "200 OK",
                "",
                &format!("<html><textarea readonly>{escaped}</textarea></html>"),
            );
        }
        "/prpc/Info" => write(stream, "200 OK", "", &info(&hash).to_string()),
        _ => write(stream, "404 Not Found", "", ""),
    }));
    let first = |text: String| text.lines().next().unwrap().to_owned();
    let file = first(told(&folder(), &["hash", "next.json"], 0));
    assert_eq!(first(asked(&endpoint, &["hash"], "/").1), file);
    let (code, out, err) = asked(&endpoint, &["show"], "/prpc/Info");
    assert_eq!((code, err.as_str()), (0, ""));
    same("compose_show_self_report.txt", &out);
    assert_eq!(asked(&endpoint, &["lint"], "/").0, 0, "the hash it names is that of the file");
    let (code, _, err) = asked(&endpoint, &["hash"], "/compose-hash");
    assert_eq!(
        (code, err.as_str()),
        (2, "error: http://127.0.0.1:8090/compose-hash: it answers with 404 Not Found.\n")
    );
}

#[test]
fn an_app_that_names_another_hash_than_that_of_its_file() {
    let endpoint = serve(Box::new(|path, stream| match path {
        // No page, as behind a gateway that serves only the calls.
        "/" => write(stream, "200 OK", "", "<html>hello</html>"),
        _ => write(stream, "200 OK", "", &info(&"0".repeat(64)).to_string()),
    }));
    let (code, out, _) = asked(&endpoint, &["lint"], "");
    assert_eq!(code, 1);
    assert!(out.contains("is NOT that of the file it shows"), "{out}");
    assert!(out.contains("\nC19 critical: app-compose.json\n"), "{out}");
    assert_eq!(*endpoint.asked.lock().unwrap(), ["/", "/prpc/Info"]);
}

#[test]
fn an_app_that_hides_its_file() {
    let endpoint = serve(Box::new(|path, stream| match path {
        "/" => write(stream, "200 OK", "", "<html>TCB info is not public</html>"),
        _ => write(stream, "200 OK", "", "{\"app_id\":\"aa\",\"tcb_info\":\"\"}"),
    }));
    let (code, out, err) = asked(&endpoint, &["show"], "/");
    assert_eq!((code, out.as_str()), (2, ""));
    assert_eq!(
        err,
        "error: http://127.0.0.1:8090/: the app does not show its compose file (public_tcbinfo is false), so nobody can \
         audit it from here.\n"
    );
}

#[test]
fn nobody_sends_us_to_another_host() {
    // The same server under another name, so that it would know.
    let endpoint = serve(Box::new(|path, stream| {
        let port = stream.local_addr().unwrap().port();
        match path {
            "/prpc/Info" => {
                let to = format!("location: http://localhost:{port}/stolen\r\n");
                write(stream, "302 Found", &to, "");
            }
            "/here" => write(stream, "302 Found", "location: /there\r\n", ""),
            "/there" => write(stream, "200 OK", "", &info("00").to_string()),
            _ => write(stream, "302 Found", "location: /loop\r\n", ""),
        }
    }));
    let (code, _, err) = asked(&endpoint, &["hash"], "/prpc/Info");
    assert_eq!(code, 2);
    assert_eq!(
        err,
        "error: http://127.0.0.1:8090/prpc/Info: it sends us to another host, or around in circles; we do not follow.\n"
    );
    assert_eq!(asked(&endpoint, &["hash"], "/here").0, 0);
    assert_eq!(asked(&endpoint, &["hash"], "/loop").0, 2);
    let asked = endpoint.asked.lock().unwrap().clone();
    assert!(!asked.contains(&"/stolen".to_owned()), "{asked:?}");
    assert!(asked.iter().filter(|path| *path == "/loop").count() <= 5, "{asked:?}");
}

#[test]
fn an_answer_without_end_is_dropped() {
    let sent = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&sent);
    let endpoint = serve(Box::new(move |_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n");
        while stream.write_all(&[b' '; 65_536]).is_ok() {
            count.fetch_add(65_536, Ordering::Relaxed);
        }
    }));
    let (code, _, err) = asked(&endpoint, &["hash"], "/prpc/Info");
    assert_eq!(code, 2);
    assert_eq!(
        err,
        "error: http://127.0.0.1:8090/prpc/Info: the answer is larger than 2097152 bytes.\n"
    );
    // The rest is what the system holds on the way.
    let sent = sent.load(Ordering::Relaxed);
    assert!(sent < 32 << 20, "{sent} bytes were taken");
}

#[test]
fn nobody_is_there_or_the_url_is_none() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let said = compose(&folder(), &["hash", &format!("http://user:secret@127.0.0.1:{port}/")]);
    assert_eq!(said.code, 2);
    assert!(
        said.err.starts_with(&format!("error: http://127.0.0.1:{port}/: it cannot be asked (")),
        "{}",
        said.err
    );
    assert!(!said.err.contains("secret"), "{}", said.err);
    assert_eq!(compose(&folder(), &["hash", "http://"]).code, 64);
}
