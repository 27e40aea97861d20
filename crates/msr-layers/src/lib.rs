//! Plain and reparameterized layers, with a leading task dimension and as candle-nn modules.
