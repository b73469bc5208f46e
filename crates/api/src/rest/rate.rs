//! How often one client may ask.

use super::{AppState, ProblemReply};
use axum::{Router, body::Body, response::IntoResponse};
use std::{num::NonZeroU32, time::Duration};
use tower_governor::{
    GovernorError, GovernorLayer,
    governor::GovernorConfigBuilder,
    key_extractor::{KeyExtractor, PeerIpKeyExtractor, SmartIpKeyExtractor},
};

/// How often one client, which is an address, may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// Requests a second, in the long run.
    pub per_second: NonZeroU32,
    /// Whether a proxy stands before the service that says in `X-Forwarded-For`, `X-Real-Ip` or `Forwarded` who asks. Without
    /// one anybody could say so.
    pub behind_proxy: bool,
}

/// How many seconds' worth of requests may come at once, as when a page is opened.
const BURST: u32 = 5;

impl RateLimit {
    pub(super) fn over(self, service: Router<AppState>) -> Router<AppState> {
        if self.behind_proxy {
            self.by(service, SmartIpKeyExtractor)
        } else {
            self.by(service, PeerIpKeyExtractor)
        }
    }

    fn by<K>(self, service: Router<AppState>, who: K) -> Router<AppState>
    where
        K: KeyExtractor + Send + Sync + 'static,
        K::Key: Send + Sync + 'static,
    {
        let mut config = GovernorConfigBuilder::default().key_extractor(who);
        config
            .period(Duration::from_secs(1) / self.per_second.get())
            .burst_size(self.per_second.get().saturating_mul(BURST));
        // Neither is zero, so that there is a configuration.
        let Some(config) = config.finish() else { return service };
        service.layer(GovernorLayer::<_, _, Body>::new(config).error_handler(refusal))
    }
}

fn refusal(error: GovernorError) -> axum::response::Response {
    match error {
        GovernorError::TooManyRequests { wait_time, .. } => ProblemReply::too_many(wait_time),
        error => {
            tracing::error!(%error, "it cannot be told who asks");
            ProblemReply::internal()
        }
    }
    .into_response()
}
