//! Answers as documents, and the REST service that serves them.
