import { open } from 'node:fs/promises';

const gitLfsPointer = 'version https://git-lfs.github.com';

/** What a file that onnxruntime refused looks like, where that is plain to see. */
export async function describeForeignFile(file: string): Promise<string | undefined> {
  try {
    const handle = await open(file);
    try {
      const { bytesRead, buffer } = await handle.read(Buffer.alloc(64), 0, 64, 0);
      const start = buffer.toString('latin1', 0, bytesRead);
      if (bytesRead === 0) return 'the file is empty';
      if (start.startsWith(gitLfsPointer))
        return 'the file is a Git LFS pointer: fetch the model with git lfs pull';
      if (/^\s*<(!doctype|html|\?xml)/i.test(start)) return 'the file is a web page, not a model';
      return undefined;
    } finally {
      await handle.close();
    }
  } catch {
    return undefined; // the file has vanished; onnxruntime's reason stands alone
  }
}
