"""Jobs in the workers of an executor: in tasks, with data that travel once."""
