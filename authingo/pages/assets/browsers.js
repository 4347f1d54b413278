// A short name for a browser and its system, from the User-Agent that it sends.

const BROWSERS = [
  [/Edg\/(\d+)/, "Edge"],
  [/OPR\/(\d+)/, "Opera"],
  [/Firefox\/(\d+)/, "Firefox"],
  [/Chrome\/(\d+)/, "Chrome"],
  [/Version\/(\d+).* Safari\//, "Safari"],
];
const SYSTEMS = ["Windows", "Android", "iPhone", "iPad", "Mac", "Linux"];

// Returns the name and the system, each undefined if it is not known.
export function browserOf(agent) {
  if (!agent) return {};
  const system = SYSTEMS.find((name) => agent.includes(name));
  for (const [pattern, name] of BROWSERS) {
    const found = pattern.exec(agent);
    if (found) return { name: `${name} ${found[1]}`, system };
  }
  return { name: agent.split(/[ /]/)[0], system };
}
