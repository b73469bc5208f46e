//! A node over a WebSocket: one connection for questions, and one for the news of a head.

use alloy::{
    providers::{Provider, ProviderBuilder},
    pubsub::{PubSubConnect, PubSubFrontend},
    rpc::json_rpc::{RequestPacket, ResponsePacket},
    transports::{
        RpcError, TransportError, TransportErrorKind, TransportFut,
        ws::{WebSocketConfig, WsConnect},
    },
};
use std::{
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    sync::{Mutex, Notify},
    task::AbortHandle,
    time::{sleep, timeout},
};
use tower::Service;

/// The longest message that is read. A page of logs was seen to take 25 MB; over HTTP there is no limit at all.
const MAX_MESSAGE: usize = 256 << 20;
/// Pauses before a lost subscription is asked for again.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// How to connect. A connection that breaks is made anew once, by alloy; after that by us, with the next question.
pub(crate) fn connector(url: &str) -> WsConnect {
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_MESSAGE))
        .max_frame_size(Some(MAX_MESSAGE));
    WsConnect::new(url).with_config(config).with_max_retries(1)
}

/// A WebSocket that is opened by the first question, and again by the first one after it broke.
#[derive(Clone, Debug)]
pub(crate) struct Socket {
    connector: WsConnect,
    open: Arc<Mutex<Option<PubSubFrontend>>>,
    connect_timeout: Duration,
    call_timeout: Duration,
}

impl Socket {
    /// Does not connect yet.
    pub(crate) fn new(
        connector: WsConnect,
        connect_timeout: Duration,
        call_timeout: Duration,
    ) -> Self {
        Self { connector, open: Arc::default(), connect_timeout, call_timeout }
    }

    async fn frontend(&self) -> Result<PubSubFrontend, TransportError> {
        let mut open = self.open.lock().await;
        if let Some(frontend) = &*open {
            return Ok(frontend.clone());
        }
        let connecting = timeout(self.connect_timeout, self.connector.clone().into_service());
        let frontend = connecting
            .await
            .map_err(|_| TransportErrorKind::custom_str("it does not accept the connection"))??;
        Ok(open.insert(frontend).clone())
    }

    async fn ask(&self, request: RequestPacket) -> Result<ResponsePacket, TransportError> {
        let frontend = self.frontend().await?;
        let answer = match timeout(self.call_timeout, frontend.send_packet(request)).await {
            Ok(answer) => answer,
            Err(_) => Err(TransportErrorKind::custom_str("it does not answer")),
        };
        if matches!(answer, Err(RpcError::Transport(_))) {
            // Whoever asks next begins with a connection of its own.
            *self.open.lock().await = None;
        }
        answer
    }
}

impl Service<RequestPacket> for Socket {
    type Response = ResponsePacket;
    type Error = TransportError;
    type Future = TransportFut<'static>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: RequestPacket) -> Self::Future {
        let this = self.clone();
        Box::pin(async move { this.ask(request).await })
    }
}

/// Word that a node has a new head, from those endpoints that offer a subscription. It is a reason to look at once and
/// nothing else: what the head is, the node is asked. Ends with this value.
#[derive(Debug)]
pub struct News {
    came: Arc<Notify>,
    tasks: Vec<AbortHandle>,
}

impl News {
    pub(crate) fn of(connectors: impl IntoIterator<Item = (WsConnect, String)>) -> Self {
        let came = Arc::new(Notify::new());
        let listen = |(connector, url)| {
            tokio::spawn(listen(connector, url, Arc::clone(&came))).abort_handle()
        };
        Self { tasks: connectors.into_iter().map(listen).collect(), came }
    }

    /// Waits for the next news; what came since the last call counts as one. Without any endpoint that offers them it
    /// waits for ever.
    pub async fn next(&self) {
        self.came.notified().await;
    }
}

impl Drop for News {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

/// Subscribes, and again whenever that ended. It has a connection of its own, so that nothing it does is in the way
/// of questions.
async fn listen(connector: WsConnect, url: String, came: Arc<Notify>) {
    let mut pause = FIRST_PAUSE;
    loop {
        match heads(&connector, &came, &mut pause).await {
            Ok(()) => tracing::info!(url, "the subscription to new heads ended; polling goes on"),
            Err(error) => {
                tracing::info!(url, error = %crate::error::root_cause_of(&error), "no news of new heads; polling goes on");
            }
        }
        sleep(pause).await;
        pause = LONGEST_PAUSE.min(pause * 2);
    }
}

async fn heads(
    connector: &WsConnect,
    came: &Notify,
    pause: &mut Duration,
) -> Result<(), TransportError> {
    let provider = ProviderBuilder::new().connect_pubsub_with(connector.clone()).await?;
    let mut heads = provider.subscribe_blocks().await?;
    // What happened before we listened is news as well.
    came.notify_one();
    loop {
        use tokio::sync::broadcast::error::RecvError;
        match heads.recv().await {
            Ok(_) | Err(RecvError::Lagged(_)) => {
                *pause = FIRST_PAUSE;
                came.notify_one();
            }
            Err(RecvError::Closed) => return Ok(()),
        }
    }
}
