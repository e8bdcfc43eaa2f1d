//! RDS's operations, told as calls and what they answer.
