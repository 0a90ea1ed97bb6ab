"""Core AI, Apple's format from iOS 27 on."""
