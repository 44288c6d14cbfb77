"""The server half of an agent: state, FSM, endpoints and what only a leader does."""
