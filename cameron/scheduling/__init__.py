"""What the scheduler is made of: the node's lease and place among the others, what it holds, who runs it, and what it takes over."""
