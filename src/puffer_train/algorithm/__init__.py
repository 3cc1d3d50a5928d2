"""PPO, readable top to bottom: `ppo` first, then what it uses."""
