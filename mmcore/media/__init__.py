"""Files of the user to arrays: the only reader of user files. Limits are checked before decoding."""
