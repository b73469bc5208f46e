//! The client: whatever comes back, it ends, and it is an answer only if it is one.

use crate::server::{Server, quick};
use axum::{Router, response::Redirect, routing::get};
use devproof_evidence::{Http, HttpError, Limits, named};
use std::time::{Duration, Instant};

#[tokio::test]
async fn an_answer() {
    let server = Server::saying(200, "yes").await;
    let http = Http::new(quick()).unwrap();
    let answer = http.get(&server.url).await.unwrap().ok().unwrap();
    assert_eq!((answer.body.as_slice(), server.asked()), (b"yes".as_slice(), 1));
    let answer = http.post(&server.url, "{}".to_owned()).await.unwrap();
    assert_eq!(answer.status, 200);
}

/// A body that comes byte by byte, for ever: connecting was quick, and so is each byte.
#[tokio::test]
async fn a_slow_drip_ends_in_time() {
    let begin = "HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n";
    let server = Server::dripping(begin, Duration::from_millis(20)).await;
    let http = Http::new(Limits { total: Duration::from_secs(1), ..quick() }).unwrap();
    let started = Instant::now();
    let asked = tokio::time::timeout(Duration::from_secs(20), http.get(&server.url)).await;
    assert_eq!(asked.expect("it waits for ever").unwrap_err(), HttpError::TooSlow(1));
    assert!(started.elapsed() < Duration::from_secs(10));
    // Likewise the headers.
    let server = Server::dripping("HTTP/1.1 200 OK\r\nx:", Duration::from_millis(20)).await;
    let asked = tokio::time::timeout(Duration::from_secs(20), http.get(&server.url)).await;
    assert_eq!(asked.expect("it waits for ever").unwrap_err(), HttpError::TooSlow(1));
}

#[tokio::test]
async fn a_body_without_end_is_dropped() {
    let http = Http::new(quick()).unwrap();
    let server = Server::saying(200, vec![b' '; 2 << 20]).await;
    assert_eq!(http.get(&server.url).await.unwrap_err(), HttpError::TooLong(1 << 20));
    let server = Server::saying(200, vec![b' '; 1 << 20]).await;
    assert_eq!(http.get(&server.url).await.unwrap().body.len(), 1 << 20);
    // Without a length at all.
    let begin = "HTTP/1.1 200 OK\r\n\r\n";
    let server = Server::dripping(begin, Duration::ZERO).await;
    let http = Http::new(Limits { body: 1000, ..quick() }).unwrap();
    assert_eq!(http.get(&server.url).await.unwrap_err(), HttpError::TooLong(1000));
}

#[tokio::test]
async fn only_the_busy_and_the_broken_are_asked_again() {
    let http = Http::new(quick()).unwrap();
    for (status, times) in [(500, 3), (503, 3), (429, 3), (404, 1), (400, 1), (200, 1)] {
        let server = Server::saying(status, "").await;
        assert_eq!(http.get(&server.url).await.unwrap().status, status);
        assert_eq!(server.asked(), times, "{status}");
    }
    let gone = Server::saying(200, "").await.url.clone();
    assert!(matches!(http.get(&gone).await, Err(HttpError::Unreachable(_))));
}

#[tokio::test]
async fn other_hosts_are_not_followed() {
    let other = Server::saying(200, "elsewhere").await;
    let elsewhere = other.url.replace("127.0.0.1", "localhost");
    let to = elsewhere.clone();
    let routes = Router::new()
        .route("/other", get(move || async move { Redirect::temporary(&to) }))
        .route("/same", get(|| async { Redirect::temporary("/here") }))
        .route("/circle", get(|| async { Redirect::temporary("/circle") }))
        .route("/here", get(|| async { "here" }));
    let server = Server::new(routes).await;
    let ask = async |follow: bool, path: &str| {
        let http = Http::new(Limits { follow, ..quick() }).unwrap();
        http.get(&format!("{}/{path}", server.url)).await
    };
    assert_eq!(ask(true, "same").await.unwrap().body, b"here");
    assert_eq!(ask(true, "other").await.unwrap_err(), HttpError::Redirected);
    assert_eq!(ask(true, "circle").await.unwrap_err(), HttpError::Redirected);
    // A service answers where it is asked.
    assert_eq!(ask(false, "same").await.unwrap().ok().unwrap_err(), HttpError::Status(307));
    assert_eq!(other.asked(), 0);
}

#[tokio::test]
async fn what_is_no_url_is_not_asked() {
    let http = Http::new(quick()).unwrap();
    for url in ["", "x", "file:///etc/passwd", "ftp://host/", "unix:/run/x", "data:,x"] {
        assert!(matches!(http.get(url).await, Err(HttpError::BadUrl(_))), "{url}");
    }
    assert_eq!(named("https://user:secret@host/path?key=secret#x"), "https://host/path");
}
