import { Component, type ReactNode } from "react";
import { Failure } from "./Failure";

/** Where a page cannot be shown, it says so in its place, and the rest of the console stays: its script was not there, or it broke. */
export class Boundary extends Component<{ place: string; children: ReactNode }, { error?: Error }> {
  override state: { error?: Error } = {};

  static getDerivedStateFromError(error: Error): { error: Error } {
    return { error };
  }

  override componentDidUpdate(before: { place: string }): void {
    if (before.place !== this.props.place && this.state.error) this.setState({ error: undefined });
  }

  override render(): ReactNode {
    const { error } = this.state;
    return error ? <Failure error={error} again={() => location.reload()} /> : this.props.children;
  }
}
