"""Reports, the queue, sanctions and their appeal, and the public record of all of it."""
